using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;

namespace Taishang.Core.Tasks;

/// <summary>Why an attempt was told to end before its time.</summary>
internal enum AttemptCancel
{
    None,

    /// <summary>A user asked for stop or cancel.</summary>
    Wish,

    /// <summary>It ran longer than it may.</summary>
    Deadline,

    /// <summary>The process stops.</summary>
    Shutdown,

    /// <summary>The lease is lost: another may run it, and nothing may be written any more.</summary>
    Lost,
}

/// <summary>One attempt while it runs here: what its executor is given, and how it is told to end.</summary>
[SuppressMessage(
    "Design", "CA1001",
    Justification = "A source without timer or handle holds nothing, and late signals may still come.")]
internal sealed class TaskAttempt : TaskContext
{
    /// <summary>A checkpoint says where to go on; one that is larger holds data that belongs elsewhere.</summary>
    public const int CheckpointCharactersMax = 1 << 20;

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _cancel = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _abandoned = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskQueue _queue;
    private readonly Lazy<JsonElement> _payload;
    private readonly ProgressRate _rate;
    private readonly TaskLogBuffer _logs;
    private string? _checkpoint;
    private int _progress;
    private long _tokens;
    private long _aiMs;
    private bool _changed;
    private AttemptCancel _reason;
    private bool _stopAsked;
    private long _askedAt;
    private bool _endTaken;

    public TaskAttempt(ClaimedTask claim, TaskQueue queue, long leasedAt, TimeProvider time)
    {
        Claim = claim;
        LeasedAt = leasedAt;
        _queue = queue;
        _checkpoint = claim.Task.Checkpoint;
        _progress = claim.Task.Progress;
        _rate = new ProgressRate(time, _progress);
        _logs = new TaskLogBuffer(claim.Task.Attempt, claim.Fence, time);
        _tokens = claim.Task.CostTokens;
        _aiMs = claim.Task.CostAiMs;
        _payload = new Lazy<JsonElement>(() =>
        {
            using var document = JsonDocument.Parse(claim.Task.Payload);
            return document.RootElement.Clone();
        });
    }

    public ClaimedTask Claim { get; }

    /// <summary>Timestamp, on this process's clock, from which the lease surely still holds its length.</summary>
    public long LeasedAt { get; set; }

    public CancellationToken Token => _cancel.Token;

    /// <summary>Completes when nobody waits for the executor any more.</summary>
    public Task Abandoned => _abandoned.Task;

    public AttemptCancel Reason
    {
        get
        {
            lock (_gate) return _reason;
        }
    }

    public override bool StopAsked => Volatile.Read(ref _stopAsked);

    public override CancellationToken StopRequested => _stop.Token;

    public int Progress => Volatile.Read(ref _progress);

    public TaskCost Cost => new(Interlocked.Read(ref _tokens), Interlocked.Read(ref _aiMs));

    public override string TaskId => Claim.Task.Id;

    public override int Attempt => Claim.Task.Attempt;

    public override long Fence => Claim.Fence;

    public override JsonElement Payload => _payload.Value;

    public override TimeSpan TimeLimit => TimeSpan.FromMilliseconds(Claim.Task.TimeoutMs);

    public override string? Checkpoint => Volatile.Read(ref _checkpoint);

    public override void ReportProgress(int percent)
    {
        var known = Math.Clamp(percent, 0, 100);
        lock (_gate) _rate.Report(known);
        Volatile.Write(ref _progress, known);
        Volatile.Write(ref _changed, true);
    }

    public override void Log(TaskLogLevel level, string message)
    {
        _logs.Add(level, message);
        Volatile.Write(ref _changed, true);
    }

    public override void AddCost(long tokens, long aiMilliseconds)
    {
        Interlocked.Add(ref _tokens, Math.Max(0, tokens));
        Interlocked.Add(ref _aiMs, Math.Max(0, aiMilliseconds));
        Volatile.Write(ref _changed, true);
    }

    public override async Task SaveCheckpointAsync(
        string checkpointJson, IReadOnlyList<TaskAnswer> answers, CancellationToken cancellation)
    {
        TaskAnswerStore.Check(answers);
        if (checkpointJson.Length > CheckpointCharactersMax)
        {
            throw new TaskFailedException(
                $"a checkpoint has at most {CheckpointCharactersMax} characters, this one {checkpointJson.Length}",
                retriable: false);
        }

        var held = await _queue.SaveAsync([Report(checkpointJson) with { Answers = answers }], cancellation);
        if (!held[0])
        {
            Cancel(AttemptCancel.Lost);
            throw new OperationCanceledException("the lease is lost: the checkpoint was not saved", Token);
        }

        Volatile.Write(ref _checkpoint, checkpointJson);
    }

    /// <summary>What is to be saved since the last call; null when nothing changed.</summary>
    public AttemptProgress? TakeProgress() => Interlocked.Exchange(ref _changed, false)
        ? Report(null) with { Logs = WaitingLogs() }
        : null;

    /// <summary>What <see cref="TakeProgress"/> gave was written, or was not and is to be taken again.</summary>
    public void Saved(AttemptProgress progress, bool written)
    {
        if (written) _logs.Written(progress.Logs);
        else Volatile.Write(ref _changed, true);
    }

    /// <summary>Lines of the log that are not known to be written.</summary>
    public IReadOnlyList<TaskLogLine> WaitingLogs() => _logs.Waiting();

    /// <summary>Tells the executor to end; the first reason stands, except that a lost lease overrides all.</summary>
    public void Cancel(AttemptCancel reason)
    {
        lock (_gate)
        {
            if (_reason == AttemptCancel.None || reason == AttemptCancel.Lost) _reason = reason;
            if (_cancel.IsCancellationRequested) return;
        }

        // Callbacks of the executor's run elsewhere: they are foreign code and may be slow.
        _ = _cancel.CancelAsync();
    }

    private AttemptProgress Report(string? checkpoint)
    {
        lock (_gate)
        {
            return new AttemptProgress(Claim, Progress, Cost, checkpoint) { Rate = _rate.PercentPerSecond };
        }
    }

    /// <summary>
    /// Asks for a stop that may take the time to end a step; false when that time is over and it should be told.
    /// </summary>
    public bool Ask(AttemptCancel reason, TimeSpan grace, TimeProvider time)
    {
        lock (_gate)
        {
            if (_stopAsked) return time.GetElapsedTime(_askedAt) < grace;
            if (_reason == AttemptCancel.None) _reason = reason;
            _askedAt = time.GetTimestamp();
            Volatile.Write(ref _stopAsked, true);
        }

        _ = _stop.CancelAsync();
        return true;
    }

    /// <summary>True for the first who calls: an attempt has one end to be written.</summary>
    public bool TakeEnd() => Interlocked.Exchange(ref _endTaken, true) is false;

    /// <summary>Gives up waiting for an executor that does not let go.</summary>
    public void Abandon() => _abandoned.TrySetResult();
}
