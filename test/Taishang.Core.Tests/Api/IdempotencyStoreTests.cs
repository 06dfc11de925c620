using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Api;

public sealed class IdempotencyStoreTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Retention = TimeSpan.FromHours(24);
    private static readonly IdempotencyRequest Request = new("key-1", "POST /things", "hash-1");

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_key_is_claimed_once_and_then_gives_its_answer(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new IdempotencyStore(world.Database, world.Time);
        var first = await ClaimAsync(store);
        Assert.Equal(ClaimKind.Claimed, first.Kind);
        Assert.Equal(ClaimKind.InProgress, (await ClaimAsync(store)).Kind);
        Assert.Equal(ClaimKind.Mismatch, (await ClaimAsync(store, Request with { BodyHash = "other" })).Kind);
        Assert.Equal(ClaimKind.Claimed, (await ClaimAsync(store, Request with { Route = "POST /others" })).Kind);

        await store.CompleteAsync(Request, first.Owner, 201, """{"名":1}""", CancellationToken.None);
        var again = await ClaimAsync(store);
        Assert.Equal((ClaimKind.Answered, 201, """{"名":1}"""), (again.Kind, again.Status, again.Response));
        Assert.Equal(ClaimKind.Mismatch, (await ClaimAsync(store, Request with { BodyHash = "other" })).Kind);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_key_whose_process_died_is_free_after_its_lease_and_keeps_its_reserved_id(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new IdempotencyStore(world.Database, world.Time);
        var dead = await ClaimAsync(store);
        world.FakeTime.Advance(Lease - TimeSpan.FromSeconds(1));
        Assert.Equal(ClaimKind.InProgress, (await ClaimAsync(store)).Kind);
        world.FakeTime.Advance(TimeSpan.FromSeconds(2));
        var next = await ClaimAsync(store);
        Assert.Equal((ClaimKind.Claimed, dead.ReservedId), (next.Kind, next.ReservedId));

        await store.CompleteAsync(Request, dead.Owner, 201, "late", CancellationToken.None);
        await store.ForgetAsync(Request, dead.Owner, CancellationToken.None);
        Assert.Equal(ClaimKind.InProgress, (await ClaimAsync(store)).Kind);
        await store.CompleteAsync(Request, next.Owner, 201, "real", CancellationToken.None);
        Assert.Equal("real", (await ClaimAsync(store)).Response);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_refusal_frees_the_key_and_a_failure_unlocks_it(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new IdempotencyStore(world.Database, world.Time);
        var first = await ClaimAsync(store);
        await store.ForgetAsync(Request, first.Owner, CancellationToken.None);
        var second = await ClaimAsync(store, Request with { BodyHash = "other" });
        Assert.Equal(ClaimKind.Claimed, second.Kind);
        Assert.NotEqual(first.ReservedId, second.ReservedId);

        await store.UnlockAsync(Request, second.Owner, CancellationToken.None);
        Assert.Equal(ClaimKind.Mismatch, (await ClaimAsync(store)).Kind);
        var third = await ClaimAsync(store, Request with { BodyHash = "other" });
        Assert.Equal((ClaimKind.Claimed, second.ReservedId), (third.Kind, third.ReservedId));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_key_expires_and_the_sweep_deletes_only_what_expired(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new IdempotencyStore(world.Database, world.Time);
        var old = await ClaimAsync(store);
        await store.CompleteAsync(Request, old.Owner, 201, "old", CancellationToken.None);
        world.FakeTime.Advance(Retention + TimeSpan.FromMinutes(1));
        var young = Request with { Key = "young" };
        await ClaimAsync(store, young);

        var renewed = await ClaimAsync(store, Request with { BodyHash = "other" });
        Assert.Equal(ClaimKind.Claimed, renewed.Kind);
        Assert.NotEqual(old.ReservedId, renewed.ReservedId);
        Assert.Equal(0, await store.SweepAsync(Retention, CancellationToken.None));

        world.FakeTime.Advance(Retention - TimeSpan.FromMinutes(1));
        await ClaimAsync(store, Request with { Key = "youngest" });
        world.FakeTime.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(2, await store.SweepAsync(Retention, CancellationToken.None));
        Assert.Equal(ClaimKind.Claimed, (await ClaimAsync(store, young)).Kind);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Of_many_at_once_exactly_one_gets_the_key(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateAsync(dialect);
        var store = new IdempotencyStore(world.Database, world.Time);
        var claims = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => ClaimAsync(store)));
        Assert.Single(claims, claim => claim.Kind == ClaimKind.Claimed);
        Assert.Equal(39, claims.Count(claim => claim.Kind == ClaimKind.InProgress));
    }

    private static Task<IdempotencyClaim> ClaimAsync(IdempotencyStore store, IdempotencyRequest? request = null) =>
        store.ClaimAsync(request ?? Request, Lease, Retention, CancellationToken.None);
}
