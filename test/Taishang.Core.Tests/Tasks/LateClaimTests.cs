using System.Collections.Concurrent;
using System.Data.Common;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>A worker whose claim was answered when its lease may have ended.</summary>
public sealed class LateClaimTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_claim_that_is_answered_after_its_lease_is_not_begun(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.OnlyProcess = false);
        var lease = TimeSpan.FromMilliseconds(world.Node.Options.LeaseMs);
        var attempts = new ConcurrentQueue<int>();
        var executor = new TestExecutor("index", (context, _) =>
        {
            attempts.Enqueue(context.Attempt);
            return Task.FromResult<string?>("{}");
        });
        var slow = new SlowDatabase(world.Data.OpenAnother(), () => world.Data.FakeTime.Advance(lease));
        var task = await world.AddAsync();
        await using var node = new TaskNode(world, slow, options => options.OnlyProcess = false, executor);
        await node.StartAsync();

        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while ((await world.GetAsync(task.Id)).IsLive)
        {
            await Task.Delay(5, limit.Token);
            world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(200));
        }

        Assert.Equal([2], attempts);
        Assert.Contains("rescue queued", await world.TrailAsync(task.Id));
    }

    /// <summary>Its first claim that takes something is long in coming back.</summary>
    private sealed class SlowDatabase(Database inner, Action wait) : Database
    {
        private bool _waited;

        public override Dialect Dialect => inner.Dialect;

        public override Task<T> ReadAsync<T>(Func<DatabaseSession, Task<T>> read, CancellationToken cancellation) =>
            inner.ReadAsync(read, cancellation);

        public override async Task<T> WriteAsync<T>(
            Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
        {
            var result = await inner.WriteAsync(write, cancellation);
            if (result is IReadOnlyList<ClaimedTask> { Count: > 0 } && !Interlocked.Exchange(ref _waited, true)) wait();
            return result;
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

        internal override Task<DbConnection> ConnectAsync(CancellationToken cancellation) =>
            inner.ConnectAsync(cancellation);
    }
}
