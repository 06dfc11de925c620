using Microsoft.Extensions.Time.Testing;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Tests.Indexes;

public sealed class CallGateTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_full_gate_refuses_at_once_and_a_place_that_is_given_back_goes_to_who_waits_first()
    {
        using var gate = new CallGate("searches", 2, 1, _time);
        var first = await gate.EnterAsync(default);
        var second = await gate.EnterAsync(default);
        var waiting = gate.EnterAsync(default);
        Assert.Equal((2, 1), (gate.RunningCount, gate.WaitingCount));

        var refusal = await Assert.ThrowsAsync<WorkerException>(async () => await gate.EnterAsync(default));

        Assert.Equal(ErrorCode.Overloaded, refusal.Code);
        Assert.Contains("2 searches run and 1 wait", refusal.Message);
        first.Dispose();
        using var third = await waiting;
        Assert.Equal((2, 0), (gate.RunningCount, gate.WaitingCount));
        second.Dispose();
    }

    [Fact]
    public async Task Who_gives_up_waiting_leaves_the_queue()
    {
        using var gate = new CallGate("searches", 1, 1, _time);
        using var place = await gate.EnterAsync(default);
        using var patience = new CancellationTokenSource();
        var waiting = gate.EnterAsync(patience.Token);
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);

        Assert.Equal(0, gate.WaitingCount);
    }

    [Theory]
    [InlineData(0.01, 1)]
    [InlineData(4, 8)]
    [InlineData(500, 60)]
    public async Task A_refused_call_is_told_how_long_the_queue_before_it_takes(double heldSeconds, double expected)
    {
        using var gate = new CallGate("searches", 2, 2, _time);
        using (await gate.EnterAsync(default)) _time.Advance(TimeSpan.FromSeconds(heldSeconds));
        var places = new[] { await gate.EnterAsync(default), await gate.EnterAsync(default) };
        var waiting = new[] { gate.EnterAsync(default).AsTask(), gate.EnterAsync(default).AsTask() };

        var refusal = await Assert.ThrowsAsync<WorkerException>(async () => await gate.EnterAsync(default));

        Assert.Equal(expected, refusal.RetryAfter?.TotalSeconds);
        foreach (var place in places) place.Dispose();
        foreach (var place in waiting) (await place).Dispose();
    }
}
