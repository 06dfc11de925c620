using System.Text.Json.Nodes;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>A core that admits calls is killed with SIGKILL: its budget is neither overspent nor lost.</summary>
public sealed class BudgetKillTests
{
    private const int Limit = 300;
    private const int BudgetExceeded = 20030;
    private const int BudgetHeld = 20031;

    private static readonly string[] Fast =
        ["--set", "Taishang:Costs:LeaseSeconds=2", "--set", "Taishang:Costs:SweepSeconds=1"];

    private int _made;
    private int _answered;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgresql")]
    public async Task What_a_killed_core_held_counts_as_spent_and_the_rest_is_spent_after_it(string database)
    {
        using var folder = new TestFolder();
        await using var store = await SystemDatabase.MakeAsync(database);
        await using (var server = await ServerProcess.StartReadyAsync(folder.Path, [.. store.Arguments, .. Fast]))
        {
            await server.ApiPostAsync(
                "budgets", new { name = "few", unit = "calls", period = "month", limit = Limit });
            var clients = Enumerable.Range(0, 8).Select(_ => CallUntilKilledAsync(server)).ToArray();
            await server.WaitUntilAsync("calls were answered", () => Task.FromResult(_answered >= 60));
            await server.KillAsync();
            await Task.WhenAll(clients);
        }

        var before = _answered;
        await using var next = await ServerProcess.StartReadyAsync(folder.Path, [.. store.Arguments, .. Fast]);
        var state = await StateAsync(next);
        await next.WaitUntilAsync("what was held counts as spent", async () =>
            (int)(state = await StateAsync(next))["reserved"]! == 0);
        var (used, abandoned) = ((int)state["used"]!, (int)state["abandoned"]!);
        // None of the calls that somebody had an answer to is forgotten, and of the others at most a lease is gone.
        Assert.InRange(used + abandoned, before, Limit);
        Assert.Equal(Limit - used - abandoned, (int)state["left"]!);
        Assert.True(used > 0 && abandoned < Limit / 2, state.ToJsonString());

        int code;
        while ((code = await CallAsync(next)) is 0 or BudgetHeld) Assert.True(_answered <= Limit);
        Assert.Equal(BudgetExceeded, code);
        Assert.Equal(Limit - used - abandoned, _answered - before);
        Assert.Equal(0, (int)(await StateAsync(next))["left"]!);

        // Whoever knows better gives it back.
        var corrected = await next.ApiPostAsync(
            "usage/corrections", new { budget = "few", amount = -1, reason = "one was never made", by = "operator" });
        Assert.Equal(-1, (int)corrected.Ok["calls"]!);
        Assert.Equal(0, await CallAsync(next));
        Assert.Equal(BudgetExceeded, await CallAsync(next));
    }

    private static async Task<JsonNode> StateAsync(ServerProcess server) =>
        (await server.ApiGetAsync("budgets/few")).Ok["state"]!;

    private async Task CallUntilKilledAsync(ServerProcess server)
    {
        try
        {
            while (await CallAsync(server) == 0)
            {
            }
        }
        catch (Exception e) when (KillWorld.IsCut(e))
        {
            // Killed in the middle of the call: nobody knows whether the model was asked.
        }
    }

    /// <summary>The code of the answer; another text each time, so that no cache knows it.</summary>
    private async Task<int> CallAsync(ServerProcess server)
    {
        var answer = await server.ApiPostAsync(
            "vectors/embed", new { text = $"sentence {Interlocked.Increment(ref _made)}" });
        if (answer.Code == 0) Interlocked.Increment(ref _answered);
        return answer.Code;
    }
}
