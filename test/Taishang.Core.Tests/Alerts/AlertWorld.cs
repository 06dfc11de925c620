using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Alerts;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Security;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Alerts;

/// <summary>Alerts on a database of their own with a clock that stands; what they do is called.</summary>
internal sealed class AlertWorld : IAsyncDisposable
{
    public const string Secret = "a secret of some length";

    private readonly ServiceProvider _services;

    private AlertWorld(DatabaseWorld data, Action<AlertOptions>? configure)
    {
        Data = data;
        _services = Build(data, data.Database, configure);
    }

    public DatabaseWorld Data { get; }

    public AlertStore Store => Get<AlertStore>();

    public AlertDeliveries Deliveries => Get<AlertDeliveries>();

    public AlertWorker Worker => Get<AlertWorker>();

    public static async Task<AlertWorld> StartAsync(Dialect dialect, Action<AlertOptions>? configure = null) =>
        new(await DatabaseWorld.CreateFrozenAsync(dialect), configure);

    /// <summary>Another process's services on the same database.</summary>
    public ServiceProvider Another() => Build(Data, Data.OpenAnother(), null);

    public T Get<T>()
        where T : notnull => _services.GetRequiredService<T>();

    public Task<Alert> AddAsync(Func<Alert, Alert>? change = null, string? url = null)
    {
        var id = Store.NewId();
        var alert = new Alert
        {
            Id = id,
            Name = "failures",
            Kind = AlertWords.Threshold,
            Metric = AlertMetrics.FailureRate,
            Comparison = AlertWords.Above,
            Threshold = 0.5,
            WindowSeconds = 300,
            State = AlertWords.Ok,
            WebhookUrl = url,
            WebhookSecret = url is null ? null : Get<SecretBox>().Seal(Secret, id),
        };
        return Store.CreateAsync(change?.Invoke(alert) ?? alert, default);
    }

    /// <summary>So many attempts ended so, just now.</summary>
    public Task EndAsync(int completed, int failed, string type = "index", long runMs = 100) =>
        Data.Database.WriteAsync(
            session => TaskFigures.AddAsync(
                session,
                Enumerable.Repeat(new TaskOutcome(type, TaskOutcome.Completed) { RunMs = runMs }, completed)
                    .Concat(Enumerable.Repeat(new TaskOutcome(type, TaskOutcome.Failed) { RunMs = runMs }, failed)),
                Data.Time.GetUtcNow()),
            default);

    /// <summary>Moves the clock and evaluates what is due; the state after it.</summary>
    public async Task<string> EvaluateAsync(Alert alert, int seconds = 10)
    {
        Data.FakeTime.Advance(TimeSpan.FromSeconds(seconds));
        await Worker.EvaluateAsync(default);
        return (await Store.GetAsync(alert.Id, default)).State;
    }

    public async Task<string[]> EventsAsync(Alert alert)
    {
        var (events, _) = await Store.EventsAsync(alert.Id, Oldest, default);
        return [.. events.Select(one => one.Event)];
    }

    public async Task<IReadOnlyList<AlertDelivery>> DeliveriesAsync(Alert alert) =>
        (await Deliveries.ListAsync(alert.Id, Oldest, default)).Deliveries;

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await Data.DisposeAsync();
    }

    private static ListQuery Oldest { get; } =
        new(1, 200, new ListSort("created_at", Descending: false), new Dictionary<string, string>());

    private static ServiceProvider Build(DatabaseWorld data, Database database, Action<AlertOptions>? configure)
    {
        var services = new ServiceCollection();
        var state = new DatabaseState();
        state.SetReady();
        services.AddLogging();
        services.AddSingleton(data.Time);
        services.AddSingleton(database);
        services.AddSingleton(state);
        services.AddSingleton(new EndpointRule([]));
        services.AddSingleton(new SecretBox(new byte[SecretBox.KeyBytes]));
        services.AddSingleton(new TaskBackoff(new Random(3)));
        services.AddSingleton<TaskStatsStore>();
        services.AddSingleton<Taishang.Core.Costs.BudgetStore>();
        services.AddAlerts(new ConfigurationBuilder().Build());
        if (configure is not null) services.Configure(configure);
        return services.BuildServiceProvider();
    }
}
