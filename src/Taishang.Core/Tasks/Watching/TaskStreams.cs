using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// Follows the trail of all tasks, whichever process moves them, while anyone watches, and keeps the newest of it for
/// all watchers. Each line comes once, as soon as it is committed. A transaction that runs for long holds back only the
/// place from which lines are looked for again, not the lines of others.
/// </summary>
internal sealed class TaskStreams(
    TaskFeed feed, DatabaseState state, TimeProvider time, IOptions<TaskOptions> options, ILogger<TaskStreams> logger)
    : BackgroundService
{
    private const int PageMax = 1_000;

    /// <summary>No transaction of ours is so long; foreign ones do not matter.</summary>
    private static readonly TimeSpan TransactionMax = TimeSpan.FromSeconds(30);

    private readonly TaskOptions _options = options.Value;
    private readonly SemaphoreSlim _polling = new(1, 1);
    private readonly SemaphoreSlim _wanted = new(0);
    private readonly Queue<(long At, long Newest)> _bounds = [];
    private readonly Dictionary<string, long> _seen = [];
    private Dictionary<string, TaskPulse> _pulses = [];
    private long _safe;
    private bool _active;
    private int _watchers;

    public StreamRing Ring { get; } = new(options.Value.StreamBuffer);

    public int Watchers => Volatile.Read(ref _watchers);

    /// <summary>Begins to watch. What happens from now on comes at the place that is returned and behind it.</summary>
    /// <exception cref="ApiException">As many watch as may.</exception>
    public async Task<StreamWatch> WatchAsync(CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _watchers) > _options.StreamsMax)
        {
            Interlocked.Decrement(ref _watchers);
            throw new ApiException(
                ErrorCodes.TaskStreamsFull, $"{_options.StreamsMax} streams of tasks are open, and that is the limit");
        }

        try
        {
            await _polling.WaitAsync(cancellation);
            try
            {
                if (!_active) await BeginAsync(cancellation);
                return new StreamWatch(this, Ring.Next, _safe);
            }
            finally
            {
                _polling.Release();
            }
        }
        catch
        {
            Leave();
            throw;
        }
    }

    internal void Leave() => Interlocked.Decrement(ref _watchers);

    public override void Dispose()
    {
        _polling.Dispose();
        _wanted.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (!await StepAsync(stoppingToken)) await _wanted.WaitAsync(stoppingToken);
                else await Task.Delay(TimeSpan.FromMilliseconds(_options.StreamPollMs), time, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                logger.LogWarning("Streams of tasks pause: {Reason}", e.Message);
                if (DatabaseFailure.IsMissingTable(e)) await feed.RefreshAsync(stoppingToken);
                await Task.Delay(TimeSpan.FromSeconds(1), time, stoppingToken)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task BeginAsync(CancellationToken cancellation)
    {
        _safe = (await feed.BoundsAsync(cancellation)).Safe;
        _bounds.Clear();
        _seen.Clear();
        // What was committed above the safe number is not news either.
        await ReadLinesAsync([], cancellation);
        _pulses = (await feed.RunningAsync(cancellation)).ToDictionary(pulse => pulse.Id);
        _active = true;
        _wanted.Release();
    }

    /// <summary>Looks once; false when nobody watches any more.</summary>
    internal async Task<bool> StepAsync(CancellationToken cancellation)
    {
        await _polling.WaitAsync(cancellation);
        try
        {
            if (Watchers == 0) _active = false;
            if (!_active) return false;
            var lines = new List<StreamFrame>();
            await ReadLinesAsync(lines, cancellation);
            // Before anything else that may fail: they count as given from here on.
            Ring.Append(lines);
            var pulses = new List<StreamFrame>();
            await ReadPulsesAsync(pulses, cancellation);
            Ring.Append(pulses);
            return true;
        }
        finally
        {
            _polling.Release();
        }
    }

    private async Task ReadLinesAsync(List<StreamFrame> frames, CancellationToken cancellation)
    {
        var safe = Settled(await feed.BoundsAsync(cancellation));
        var place = FeedPlace.EndOf(_safe);
        var fresh = new List<TaskEvent>();
        IReadOnlyList<TaskEvent> lines;
        do
        {
            lines = await feed.ReadAsync(place, PageMax, cancellation);
            foreach (var line in lines)
            {
                place = new FeedPlace(line.Feed, line.Id);
                if (!_seen.ContainsKey(line.Id)) fresh.Add(line);
            }
        }
        while (lines.Count == PageMax);

        // Only now: a page that can not be read gives none of the lines before it.
        foreach (var line in fresh) _seen[line.Id] = line.Feed;
        var swapped = PutInOrderOfTasks(fresh);
        foreach (var line in fresh)
        {
            // Who comes back with the place of an unsettled line sees some lines again, and misses none.
            var after = swapped ? FeedPlace.EndOf(_safe)
                : line.Feed <= safe ? new FeedPlace(line.Feed, line.Id) : FeedPlace.EndOf(safe);
            frames.Add(StreamFrame.Of(line, after));
        }

        _safe = safe;
        foreach (var (id, at) in _seen)
        {
            if (at <= safe) _seen.Remove(id);
        }
    }

    /// <summary>
    /// A transaction that began first may have waited for a later one's lock: its number is lower, its line comes
    /// after. True when lines changed places.
    /// </summary>
    private static bool PutInOrderOfTasks(List<TaskEvent> lines)
    {
        var swapped = false;
        foreach (var task in lines.Index().GroupBy(line => line.Item.TaskId).Where(task => task.Count() > 1).ToList())
        {
            var places = task.Select(line => line.Index).ToArray();
            var ordered = task.Select(line => line.Item).OrderBy(line => line.Seq).ToArray();
            for (var i = 0; i < places.Length; i++)
            {
                swapped |= lines[places[i]] != ordered[i];
                lines[places[i]] = ordered[i];
            }
        }

        return swapped;
    }

    private long Settled(FeedBounds bounds)
    {
        var now = time.GetTimestamp();
        var safe = Math.Max(_safe, bounds.Safe);
        _bounds.Enqueue((now, bounds.Newest));
        while (_bounds.Count > 1 && time.GetElapsedTime(_bounds.Peek().At, now) >= TransactionMax)
            safe = Math.Max(safe, _bounds.Dequeue().Newest);
        return safe;
    }

    private async Task ReadPulsesAsync(List<StreamFrame> frames, CancellationToken cancellation)
    {
        var pulses = new Dictionary<string, TaskPulse>();
        foreach (var pulse in await feed.RunningAsync(cancellation))
        {
            pulses[pulse.Id] = pulse;
            var moved = _pulses.TryGetValue(pulse.Id, out var last)
                ? pulse != last
                : pulse is { Progress: > 0, ProgressRate: not null } or { CostTokens: > 0 } or { CostAiMs: > 0 };
            if (moved) frames.Add(StreamFrame.Of(pulse));
        }

        _pulses = pulses;
    }
}

/// <summary>One watcher's hold on the streams; to be disposed.</summary>
/// <param name="Place">Where it begins in the ring.</param>
/// <param name="Safe">All up to this transaction was there before it began.</param>
internal sealed record StreamWatch(TaskStreams Streams, long Place, long Safe) : IDisposable
{
    private bool _left;

    public void Dispose()
    {
        if (_left) return;
        _left = true;
        Streams.Leave();
    }
}
