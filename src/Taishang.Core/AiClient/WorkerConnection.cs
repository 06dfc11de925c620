using Grpc.Core;
using Grpc.Net.Client;
using Taishang.Contracts.Ai.V1;
using Taishang.Executors.Loading;
using HealthCheckRequest = Grpc.Health.V1.HealthCheckRequest;
using HealthCheckResponse = Grpc.Health.V1.HealthCheckResponse;
using HealthClient = Grpc.Health.V1.Health.HealthClient;

namespace Taishang.Core.AiClient;

/// <summary>What the last look at an address showed.</summary>
internal enum WorkerStatus
{
    Unknown,
    Serving,
    NotServing,
    Unreachable,
}

/// <summary>One immutable snapshot, so that status and identity are always read together.</summary>
/// <param name="Status">What the last look showed.</param>
/// <param name="WorkerId">Who answered; null unless serving.</param>
/// <param name="Connects">Number of the connection on which the identity was read.</param>
/// <param name="Reason">Why it does not serve.</param>
internal sealed record WorkerState(WorkerStatus Status, string? WorkerId, int Connects, string? Reason)
{
    /// <summary>Types of tasks that the worker runs; empty unless serving.</summary>
    public IReadOnlyList<string> TaskTypes { get; init; } = [];
}

/// <summary>One address: its channel, how many calls are under way, and whether a worker serves behind it.</summary>
internal sealed class WorkerConnection : IDisposable
{
    /// <summary>Name under which a worker reports the health of its calls.</summary>
    public const string HealthService = "taishang.ai.v1.AiService";

    /// <summary>
    /// A worker that has just started compiles its way to the first answer: until it has served once, a look may take
    /// so many times longer.
    /// </summary>
    private const int FirstLookFactor = 5;

    /// <summary>
    /// A worker under full load may be late with its health and still answer calls: only so many late looks in a row,
    /// without any call answered between them, take it out of the choice.
    /// </summary>
    private const int LateLooksMax = 3;

    /// <summary>Task types that are taken of one worker.</summary>
    private const int TaskTypesMax = 256;

    private static readonly WorkerState Unknown = new(WorkerStatus.Unknown, null, 0, "not looked at yet");

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly GrpcChannel _channel;
    private readonly HealthClient _health;
    private readonly TimeSpan _probeTimeout;
    private readonly TimeProvider _time;
    private volatile WorkerState _state = Unknown;
    private Task? _probe;
    private bool _hasServed;
    private int _lateLooks;
    private int _outstanding;
    private int _connects;

    public WorkerConnection(string address, AiClientOptions options, TimeProvider time)
    {
        Address = address;
        _time = time;
        _probeTimeout = TimeSpan.FromMilliseconds(options.HealthTimeoutMs);
        _channel = WorkerChannel.Open(address, options, () => Interlocked.Increment(ref _connects));
        Client = new AiService.AiServiceClient(_channel);
        _health = new HealthClient(_channel);
    }

    public string Address { get; }

    public AiService.AiServiceClient Client { get; }

    public WorkerState State => _state;

    /// <summary>Calls under way; what the balancing goes by.</summary>
    public int Outstanding => Volatile.Read(ref _outstanding);

    /// <summary>The status that the log was last told of.</summary>
    public WorkerStatus Announced { get; set; }

    /// <summary>False after a reconnect, until a probe has asked who answers now.</summary>
    public bool IdentityFresh => _state.Connects == Volatile.Read(ref _connects);

    /// <param name="workerId">Null for any worker.</param>
    public bool Serves(string? workerId)
    {
        var state = _state;
        return state.Status == WorkerStatus.Serving
            && (workerId is null || string.Equals(workerId, state.WorkerId, StringComparison.Ordinal));
    }

    /// <param name="taskType">Null for any worker.</param>
    public bool Runs(string? taskType) => taskType is null || _state.TaskTypes.Contains(taskType);

    public void Enter() => Interlocked.Increment(ref _outstanding);

    /// <summary>A call was answered: whatever the health check says next, somebody is there.</summary>
    public void Answered() => Volatile.Write(ref _lateLooks, 0);

    public void Exit() => Interlocked.Decrement(ref _outstanding);

    /// <summary>A call could not even connect: no other call should choose this address before a probe has.</summary>
    public void MarkUnreachable(string reason) =>
        _state = new WorkerState(WorkerStatus.Unreachable, null, 0, reason);

    /// <summary>Asks for health and identity; callers at the same time share one look. Never throws.</summary>
    public Task ProbeAsync()
    {
        lock (_gate)
        {
            if (_probe is null or { IsCompleted: true }) _probe = LookAsync();
            return _probe;
        }
    }

    public void Dispose()
    {
        _closed.Cancel();
        _channel.Dispose();
        _closed.Dispose();
    }

    private async Task LookAsync()
    {
        try
        {
            var timeout = _hasServed ? _probeTimeout : _probeTimeout * FirstLookFactor;
            var deadline = (_time.GetUtcNow() + timeout).UtcDateTime;
            var options = new CallOptions(deadline: deadline, cancellationToken: _closed.Token);
            var health = await _health.CheckAsync(new HealthCheckRequest { Service = HealthService }, options);
            if (health.Status != HealthCheckResponse.Types.ServingStatus.Serving)
            {
                _state = new WorkerState(WorkerStatus.NotServing, null, 0, $"health is {health.Status}");
                return;
            }

            Answered();
            if (_state.Status == WorkerStatus.Serving && IdentityFresh) return;
            var worker = await Client.DescribeWorkerAsync(new DescribeWorkerRequest(), options);
            _state = new WorkerState(WorkerStatus.Serving, worker.WorkerId, Volatile.Read(ref _connects), null)
            {
                TaskTypes = [.. worker.TaskTypes.Where(PlugInFolder.IsTypeName).Take(TaskTypesMax)],
            };
            _hasServed = true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
        {
            var isPatient = _state.Status == WorkerStatus.Serving && ++_lateLooks < LateLooksMax;
            if (!isPatient) MarkUnreachable("its health check is not answered in time");
        }
        catch (RpcException e)
        {
            _state = new WorkerState(WorkerStatus.Unreachable, null, 0, $"{e.StatusCode}: {e.Status.Detail}");
        }
        catch (ObjectDisposedException)
        {
            MarkUnreachable("closed");
        }
    }
}
