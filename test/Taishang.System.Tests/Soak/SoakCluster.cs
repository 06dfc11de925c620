using Taishang.Testing.Databases;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Soak;

/// <summary>Three cores and two ai workers in processes of their own on a PostgreSQL of their own.</summary>
internal sealed class SoakCluster : IAsyncDisposable
{
    public const int CoreCount = 3;
    public const int AiCount = 2;
    public const int LedgerMax = 8;
    public const int EmbeddingMax = 4;
    public const int RunningMax = 11;
    public const int TenantMax = 3;

    /// <summary>A stream that says nothing for so long comes from a paused core: each says something every second.
    /// </summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(4);

    private static readonly string[] Settings =
    [
        "Taishang:Tasks:Parallelism=16", "Taishang:Tasks:ClaimBatch=8", "Taishang:Tasks:LeaseMs=2000",
        "Taishang:Tasks:RescueIntervalMs=300", "Taishang:Tasks:LeaderLeaseMs=2000",
        "Taishang:Tasks:LeaderIntervalMs=400", "Taishang:Tasks:HungGraceMs=300", "Taishang:Tasks:VerbWaitMs=300",
        $"Taishang:Tasks:RunningMax={RunningMax}", $"Taishang:Tasks:TenantRunningMax={TenantMax}",
        $"Taishang:Tasks:Types:ledger:RunningMax={LedgerMax}", "Taishang:Tasks:Types:ledger:MaxAttempts=100",
        "Taishang:Tasks:Types:ledger:BackoffBaseMs=50", "Taishang:Tasks:Types:ledger:BackoffMaxMs=500",
        $"Taishang:Tasks:Types:embedding:RunningMax={EmbeddingMax}", "Taishang:Tasks:Types:embedding:MaxAttempts=100",
        "Taishang:Tasks:Types:embedding:BackoffBaseMs=100", "Taishang:Tasks:Types:embedding:BackoffMaxMs=1000",
        "Taishang:Tasks:StreamHeartbeatMs=1000", "Taishang:Api:IdempotencyLeaseSeconds=10",
        "Taishang:Vectors:EmbedBatchTexts=8",
    ];

    private readonly TestFolder _folder = new();
    private readonly ServerProcess?[] _cores = new ServerProcess?[CoreCount];
    private readonly ServerProcess?[] _ais = new ServerProcess?[AiCount];
    private readonly int[] _aiPorts = [.. Enumerable.Range(0, AiCount).Select(_ => LoopbackPort.Free())];
    private readonly List<string> _outputs = [];
    private readonly SemaphoreSlim _crashing = new(1);
    private readonly OwnPostgres _postgres;
    private readonly string _ledgerConnection;

    private SoakCluster(OwnPostgres postgres, string database, string ledger)
    {
        _postgres = postgres;
        _ledgerConnection = ledger;
        Database = new SoakDatabase(database);
        Ledger = new Ledger(ledger);
        Connection = database;
    }

    public SoakDatabase Database { get; }

    public Ledger Ledger { get; }

    /// <summary>Processes that are there, some of them perhaps paused.</summary>
    public IReadOnlyList<ServerProcess> Cores => [.. _cores.OfType<ServerProcess>()];

    /// <summary>What each process wrote that lived.</summary>
    public IReadOnlyList<string> Outputs =>
        [.. _outputs, .. _cores.Concat(_ais).OfType<ServerProcess>().Select(process => process.Output)];

    private string Connection { get; }

    public static async Task<SoakCluster> StartAsync()
    {
        var postgres = await OwnPostgres.StartAsync();
        var cluster = new SoakCluster(
            postgres, await postgres.CreateAsync("soak"), await postgres.CreateAsync("ledger"));
        try
        {
            await cluster.Ledger.CreateAsync();
            await Task.WhenAll(Enumerable.Range(0, AiCount).Select(cluster.StartAiAsync));
            await cluster.StartCoreAsync(0);
            await Task.WhenAll(Enumerable.Range(1, CoreCount - 1).Select(cluster.StartCoreAsync));
            foreach (var core in cluster.Cores) await core.WaitReadyAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public ServerProcess Core(int index) =>
        _cores[index] ?? throw new InvalidOperationException($"core {index} is away");

    /// <summary>The place of the core with this process id; null when it has gone.</summary>
    public int? IndexOf(int processId)
    {
        var index = Array.FindIndex(_cores, core => core?.Pid == processId);
        return index < 0 ? null : index;
    }

    /// <summary>Which core leads by the database; null when none is known to.</summary>
    public async Task<int?> LeaderAsync()
    {
        var holder = await Database.LeaderAsync();
        var index = Array.FindIndex(
            _cores, core => core?.Output.Contains($"Leads as {holder}", StringComparison.Ordinal) == true);
        return index < 0 ? null : index;
    }

    /// <summary>kill -9 and a new life on the same folder.</summary>
    public async Task KillCoreAsync(int index)
    {
        await KillAsync(_cores, index);
        await StartCoreAsync(index);
    }

    public async Task KillAiAsync(int index)
    {
        await KillAsync(_ais, index);
        await StartAiAsync(index);
    }

    public async Task CrashDatabaseAsync()
    {
        await _crashing.WaitAsync();
        try
        {
            await _postgres.CrashAsync();
            Database.Clear();
            Ledger.Source.Clear();
        }
        finally
        {
            _crashing.Release();
        }
    }

    /// <summary>Processes that ended though nobody killed them.</summary>
    public IEnumerable<string> Died() =>
        _cores.Concat(_ais).OfType<ServerProcess>().Where(process => process.HasExited)
            .Select(process => process.Output);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _cores.Concat(_ais).OfType<ServerProcess>()) await process.DisposeAsync();
        await Database.DisposeAsync();
        await Ledger.DisposeAsync();
        _crashing.Dispose();
        await _postgres.DisposeAsync();
        _folder.Dispose();
    }

    private async Task KillAsync(ServerProcess?[] slots, int index)
    {
        if (slots[index] is not { } process) return;
        if (process.HasExited) throw new InvalidOperationException($"it had ended by itself:\n{process.Output}");
        slots[index] = null;
        await process.KillAsync();
        _outputs.Add(process.Output);
        await process.DisposeAsync();
    }

    private async Task StartCoreAsync(int index) => _cores[index] = await ServerProcess.StartAsync(
        _folder.File($"core{index}"),
        new Dictionary<string, string>
        {
            ["DOTNET_STARTUP_HOOKS"] = typeof(SoakCluster).Assembly.Location,
            [LedgerExecutor.Variable] = _ledgerConnection,
        },
        [
            "--role", "core", "--database", Connection,
            "--ai", string.Join(',', _aiPorts.Select(port => $"http://127.0.0.1:{port}")),
            .. Settings.SelectMany(setting => new[] { "--set", setting }),
        ]);

    private async Task StartAiAsync(int index) => _ais[index] = await ServerProcess.StartAsync(
        _folder.File($"ai{index}"), "--role", "ai", "--grpc", $"http://127.0.0.1:{_aiPorts[index]}");
}
