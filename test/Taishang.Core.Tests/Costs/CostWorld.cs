using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

/// <summary>Processes with budgets on one database, with a clock that stands: what happens on a beat is
/// called.</summary>
internal sealed class CostWorld : IAsyncDisposable
{
    private readonly List<CostNode> _nodes = [];

    private CostWorld(DatabaseWorld data) => Data = data;

    public DatabaseWorld Data { get; }

    public FakeTimeProvider Clock => Data.FakeTime;

    /// <summary>It is 08:00 on 2026-11-22.</summary>
    public static async Task<CostWorld> StartAsync(Dialect dialect) =>
        new(await DatabaseWorld.CreateFrozenAsync(dialect));

    /// <param name="configure">Options that differ.</param>
    public async Task<CostNode> AddAsync(Action<CostOptions>? configure = null)
    {
        var door = new CountingDatabase(Data.OpenAnother());
        var node = new CostNode(Build(door, configure), door);
        _nodes.Add(node);
        await node.Worker.StartAsync(default);
        return node;
    }

    /// <summary>Nothing of the process reaches the database any more.</summary>
    public void Kill(CostNode node)
    {
        node.Door.Fault = new ApiException(ErrorCodes.DatabaseUnavailable);
        _nodes.Remove(node);
    }

    public async Task<Budget> BudgetAsync(CostNode node, Func<Budget, Budget> change)
    {
        var budget = change(new Budget
        {
            Id = RowId.New(Clock.GetUtcNow(), _ordinal++),
            Name = $"budget-{_ordinal}",
            Unit = BudgetWords.Calls,
            LimitUnits = 50,
            Thresholds = "50,80,100",
            CreatedAt = Clock.GetUtcNow(),
            UpdatedAt = Clock.GetUtcNow(),
        });
        await node.Get<BudgetStore>().InsertAsync(budget, default);
        foreach (var one in _nodes) await one.Get<BudgetDirectory>().RefreshAsync(default);
        return budget;
    }

    /// <summary>A process that ends in order.</summary>
    public async Task StopAsync(CostNode node)
    {
        _nodes.Remove(node);
        await node.DisposeAsync();
    }

    public async Task<BudgetState> StateAsync(Budget budget) =>
        (await new BudgetStore(Data.Database, Clock).StatesAsync([budget], default))[0];

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await Data.DisposeAsync();
    }

    private int _ordinal;

    private ServiceProvider Build(Database database, Action<CostOptions>? configure)
    {
        var services = new ServiceCollection();
        var state = new DatabaseState();
        state.SetReady();
        services.AddLogging();
        services.AddMetrics();
        services.AddSingleton<TimeProvider>(Clock);
        services.AddSingleton(database);
        services.AddSingleton(state);
        services.AddCosts(new ConfigurationBuilder().Build());
        if (configure is not null) services.Configure(configure);
        return services.BuildServiceProvider();
    }
}
