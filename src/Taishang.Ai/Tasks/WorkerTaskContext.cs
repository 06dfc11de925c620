using System.Text.Json;
using System.Threading.Channels;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Executors;

namespace Taishang.Ai.Tasks;

/// <summary>
/// An attempt as its executor sees it on a worker: what it tells goes to core over the call's stream. Progress, cost
/// and log wait a moment, so that many are few messages; a checkpoint goes at once, behind what was told before it.
/// </summary>
internal sealed class WorkerTaskContext : TaskContext, IDisposable
{
    /// <summary>Lines that wait at once; the surplus is dropped and counted.</summary>
    public const int LinesMax = 256;

    public const int LineCharactersMax = 4_000;

    /// <summary>Between two looks at what waits.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly RunTaskRequest _request;
    private readonly IServerStreamWriter<RunTaskEvent> _stream;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly Channel<bool> _told = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Queue<RunTaskLog> _lines = [];
    private readonly CancellationTokenSource _stop = new();
    private string? _checkpoint;
    private int? _progress;
    private long _tokens;
    private long _milliseconds;
    private long _dropped;

    public WorkerTaskContext(
        RunTaskRequest request, JsonElement payload, IServerStreamWriter<RunTaskEvent> stream, TimeProvider time)
    {
        _request = request;
        _stream = stream;
        _time = time;
        _checkpoint = request.HasCheckpointJson ? request.CheckpointJson : null;
        Payload = payload;
    }

    public override string TaskId => _request.TaskId;

    public override int Attempt => _request.Attempt;

    public override long Fence => _request.Fence;

    public override JsonElement Payload { get; }

    public override string? Checkpoint => Volatile.Read(ref _checkpoint);

    public override TimeSpan TimeLimit => TimeSpan.FromMilliseconds(_request.TimeLimitMs);

    public override bool StopAsked => _stop.IsCancellationRequested;

    public override CancellationToken StopRequested => _stop.Token;

    /// <summary>From now on <see cref="StopAsked"/> is true.</summary>
    public void AskStop() => _ = _stop.CancelAsync();

    public override void ReportProgress(int percent)
    {
        lock (_gate) _progress = Math.Clamp(percent, 0, 100);
        _told.Writer.TryWrite(true);
    }

    public override void Log(Executors.TaskLogLevel level, string message)
    {
        var line = new RunTaskLog
        {
            Level = level switch
            {
                Executors.TaskLogLevel.Debug => RunTaskLogLevel.Debug,
                Executors.TaskLogLevel.Warning => RunTaskLogLevel.Warning,
                Executors.TaskLogLevel.Error => RunTaskLogLevel.Error,
                _ => RunTaskLogLevel.Info,
            },
            Message = message.Length <= LineCharactersMax ? message : message[..LineCharactersMax],
        };
        lock (_gate)
        {
            if (_lines.Count < LinesMax - 1) _lines.Enqueue(line);
            else _dropped++;
        }

        _told.Writer.TryWrite(true);
    }

    public override void AddCost(long tokens, long aiMilliseconds)
    {
        lock (_gate)
        {
            _tokens += Math.Max(0, tokens);
            _milliseconds += Math.Max(0, aiMilliseconds);
        }

        _told.Writer.TryWrite(true);
    }

    public override async Task SaveCheckpointAsync(
        string checkpointJson, IReadOnlyList<TaskAnswer> answers, CancellationToken cancellation)
    {
        var saved = new RunTaskCheckpoint { Json = checkpointJson };
        foreach (var (number, json) in answers) saved.Answers.Add(new RunTaskAnswer { Number = number, Json = json });
        await WriteAsync(new RunTaskEvent { Checkpoint = saved }, cancellation);
        Volatile.Write(ref _checkpoint, checkpointJson);
    }

    /// <summary>Sends what waits, again and again, until <see cref="Close"/>.</summary>
    public async Task PumpAsync(CancellationToken cancellation)
    {
        while (await _told.Reader.WaitToReadAsync(cancellation))
        {
            _told.Reader.TryRead(out _);
            await WriteAsync(null, cancellation);
            await Task.Delay(Pause, _time, cancellation);
        }
    }

    /// <summary>Nothing more is told but by <see cref="WriteAsync"/>.</summary>
    public void Close() => _told.Writer.TryComplete();

    /// <summary>Sends what waits, and then the event.</summary>
    public async Task WriteAsync(RunTaskEvent? last, CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation);
        try
        {
            foreach (var one in Waiting()) await _stream.WriteAsync(one, cancellation);
            if (last is not null) await _stream.WriteAsync(last, cancellation);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose()
    {
        _writing.Dispose();
        _stop.Dispose();
    }

    private List<RunTaskEvent> Waiting()
    {
        var events = new List<RunTaskEvent>();
        lock (_gate)
        {
            while (_lines.TryDequeue(out var line)) events.Add(new RunTaskEvent { Log = line });
            if (_dropped > 0)
                events.Add(new RunTaskEvent
                {
                    Log = new RunTaskLog
                    {
                        Level = RunTaskLogLevel.Warning,
                        Message = $"{_dropped} lines were dropped here: they came faster than they are sent",
                    },
                });
            if (_tokens > 0 || _milliseconds > 0)
                events.Add(new RunTaskEvent
                {
                    Cost = new RunTaskCost { Tokens = _tokens, AiMilliseconds = _milliseconds },
                });
            if (_progress is { } progress) events.Add(new RunTaskEvent { Progress = progress });
            (_dropped, _tokens, _milliseconds, _progress) = (0, 0, 0, null);
        }

        return events;
    }
}
