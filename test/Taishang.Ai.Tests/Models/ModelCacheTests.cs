using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

public sealed class ModelCacheTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Many_who_ask_at_once_share_one_load()
    {
        using var cache = new ModelCache<string, Thing>(4);
        var gate = new TaskCompletionSource();
        int loads = 0;
        Task<ModelLease<Thing>>[] asking = [.. Enumerable.Range(0, 50).Select(_ => cache.AcquireAsync("a", async _ =>
        {
            Interlocked.Increment(ref loads);
            await gate.Task;
            return new Thing();
        }, default).AsTask())];
        gate.SetResult();
        ModelLease<Thing>[] leases = await Task.WhenAll(asking).WaitAsync(Bound);
        Assert.Equal(1, loads);
        Assert.Single(leases.Select(lease => lease.Value).Distinct());
    }

    [Fact]
    public async Task A_failed_load_is_tried_again_by_the_next_call()
    {
        using var cache = new ModelCache<string, Thing>(1);
        await Assert.ThrowsAsync<InvalidOperationException>(
            async () => await cache.AcquireAsync("a", _ => throw new InvalidOperationException("broken"), default));
        Assert.Equal(0, cache.Count);
        using ModelLease<Thing> lease = await cache.AcquireAsync("a", _ => Task.FromResult(new Thing()), default);
        Assert.False(lease.Value.Unloaded.Task.IsCompleted);
    }

    [Fact]
    public async Task What_was_unused_longest_makes_room_and_what_is_in_use_stays()
    {
        using var cache = new ModelCache<string, Thing>(2);
        ModelLease<Thing> a = await Load(cache, "a");
        ModelLease<Thing> b = await Load(cache, "b");
        a.Dispose();
        b.Dispose();
        using ModelLease<Thing> again = await Load(cache, "a");
        using ModelLease<Thing> c = await Load(cache, "c");
        await b.Value.Unloaded.Task.WaitAsync(Bound);
        Assert.False(again.Value.Unloaded.Task.IsCompleted);

        ModelException busy = await Assert.ThrowsAsync<ModelException>(async () => await Load(cache, "d"));
        Assert.Equal(ModelErrorKind.Busy, busy.Kind);
        Assert.NotNull(busy.RetryAfter);
    }

    [Fact]
    public async Task A_forgotten_value_lives_until_its_last_user_gives_it_back()
    {
        using var cache = new ModelCache<string, Thing>(2);
        ModelLease<Thing> lease = await Load(cache, "a");
        cache.Forget("a");
        Assert.False(lease.Value.Unloaded.Task.IsCompleted);
        using ModelLease<Thing> fresh = await Load(cache, "a");
        Assert.NotSame(lease.Value, fresh.Value);
        lease.Dispose();
        lease.Dispose();
        await lease.Value.Unloaded.Task.WaitAsync(Bound);
        Assert.False(fresh.Value.Unloaded.Task.IsCompleted);
    }

    [Fact]
    public async Task Giving_up_waiting_does_not_end_the_load_of_others()
    {
        using var cache = new ModelCache<string, Thing>(2);
        var gate = new TaskCompletionSource<Thing>();
        using var impatience = new CancellationTokenSource();
        Task<ModelLease<Thing>> impatient = cache.AcquireAsync("a", _ => gate.Task, impatience.Token).AsTask();
        Task<ModelLease<Thing>> patient = cache.AcquireAsync("a", _ => gate.Task, default).AsTask();
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        gate.SetResult(new Thing());
        using ModelLease<Thing> lease = await patient.WaitAsync(Bound);
        Assert.False(lease.Value.Unloaded.Task.IsCompleted);
    }

    private static async Task<ModelLease<Thing>> Load(ModelCache<string, Thing> cache, string key) =>
        await cache.AcquireAsync(key, _ => Task.FromResult(new Thing()), default);

    private sealed class Thing : IDisposable
    {
        public TaskCompletionSource Unloaded { get; } = new();

        public void Dispose() => Unloaded.SetResult();
    }
}
