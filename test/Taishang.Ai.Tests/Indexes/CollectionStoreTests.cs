using Taishang.Ai.Indexes;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Hosting.Health;
using Taishang.Testing.Processes;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Ai.Tests.Indexes;

public sealed class CollectionStoreTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_broken_collection_tells_its_reason_and_stops_no_other()
    {
        string broken, sound;
        await using (var first = await WorkerHost.StartAsync(_folder.Path))
        {
            broken = await first.CreateAsync();
            sound = await first.CreateAsync();
            await first.UpsertAsync(sound, WorkerHost.Row("a", [1, 2, 3]));
            await first.UpsertAsync(broken, WorkerHost.Row("a", [1, 2, 3]));
        }

        foreach (var file in Directory.EnumerateFiles(Path.Combine(_folder.Path, "vectors", broken)))
            await File.WriteAllTextAsync(file, "this is not what was written here");
        await using var second = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(1, await second.CountAsync(sound));
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.CollectionCorrupt, "collection_id", () => second.CountAsync(broken));
        Assert.NotEmpty(refusal.Status.Detail);
        var readiness = await Assert.Single(second.App.Services.GetServices<IReadinessCheck>())
            .CheckAsync(CancellationToken.None);
        Assert.True(readiness.IsReady);
        Assert.Contains(broken, readiness.Reason);

        Assert.True((await second.Client.DropCollectionAsync(
            new DropCollectionRequest { CollectionId = broken })).Existed);
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "vectors", broken)));
    }

    [Fact]
    public async Task Leftovers_of_earlier_lives_are_swept_and_strange_folders_left_alone()
    {
        var vectors = Path.Combine(_folder.Path, "vectors");
        foreach (var name in (string[])[$".new-{Guid.NewGuid():D}", $".gone-{Guid.NewGuid():D}-1", "notes"])
        {
            Directory.CreateDirectory(Path.Combine(vectors, name, "deep"));
            await File.WriteAllTextAsync(Path.Combine(vectors, name, "deep", "file"), "left");
        }

        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(["notes"], Directory.EnumerateDirectories(vectors).Select(Path.GetFileName));
    }

    [Fact]
    public async Task A_drop_waits_for_who_is_inside_and_lets_nobody_else_in()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        var store = worker.Get<CollectionStore>();
        var inside = await store.EnterAsync(Guid.Parse(id), CancellationToken.None);
        var drop = store.DropAsync(Guid.Parse(id), CancellationToken.None);
        Assert.True(inside.Closing.IsCancellationRequested);
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", () => worker.CountAsync(id));
        Assert.False(drop.IsCompleted);
        Assert.Equal(0, inside.Collection.Count());
        inside.Dispose();
        Assert.True(await drop.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_worker_holds_no_more_collections_than_it_may()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:CollectionsMax"] = "1");
        await worker.CreateAsync();
        await Refusal.ExpectAsync(ErrorCode.InsufficientMemory, "", () => worker.CreateAsync());
    }

    [Fact]
    public async Task A_setting_out_of_range_is_refused_at_start_by_its_name()
    {
        var refusal = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => WorkerHost.StartAsync(
                _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:SearchesMax"] = "0"));
        Assert.Contains("Taishang:Ai:Indexes:SearchesMax", refusal.Message);
    }
}
