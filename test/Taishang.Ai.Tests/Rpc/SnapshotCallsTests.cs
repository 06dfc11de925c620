using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class SnapshotCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_snapshot_outlives_its_collection_and_a_restart_and_comes_back_as_another_collection()
    {
        string id;
        var snapshot = NewId();
        await using (var first = await WorkerHost.StartAsync(_folder.Path))
        {
            id = await first.CreateAsync(4, Metric.L2, IndexType.Hnsw);
            await first.UpsertAsync(id, WorkerHost.RandomRows(50, 4, seed: 1));
            var taken = await TakeAsync(first, id, snapshot, """{"name":"points"}""");
            Assert.Equal((id, 50L, """{"name":"points"}"""), (taken.CollectionId, taken.LiveRows, taken.NoteJson));
            Assert.Equal((4, IndexType.Hnsw), (taken.Spec.Dims, taken.Spec.IndexType));
            Assert.Equal(taken, await TakeAsync(first, id, snapshot, "again"));
            await first.Client.DropCollectionAsync(new DropCollectionRequest { CollectionId = id });
            await Refusal.ExpectAsync(
                ErrorCode.CollectionNotFound, "collection_id", () => TakeAsync(first, id, NewId(), ""));
        }

        await using var second = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(snapshot, Assert.Single(await ListAsync(second)).SnapshotId);
        var copy = NewId();
        Assert.Equal(50, await RestoreAsync(second, snapshot, copy));
        Assert.Equal(50, await RestoreAsync(second, snapshot, copy));
        await second.UpsertAsync(copy, WorkerHost.Row("new", [1, 2, 3, 4]));
        Assert.Equal(51, await second.CountAsync(copy));
        Assert.True((await second.Client.DeleteSnapshotAsync(
            new DeleteSnapshotRequest { SnapshotId = snapshot })).Existed);
        Assert.False((await second.Client.DeleteSnapshotAsync(
            new DeleteSnapshotRequest { SnapshotId = snapshot })).Existed);
        Assert.Empty(await ListAsync(second));
        await Refusal.ExpectAsync(
            ErrorCode.SnapshotNotFound, "snapshot_id", () => RestoreAsync(second, snapshot, NewId()));
        Assert.Equal(51, await second.CountAsync(copy));
    }

    [Fact]
    public async Task A_collection_of_several_shards_comes_back_with_them()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = NewId();
        var spec = new CollectionSpec { Dims = 4, Metric = Metric.L2, IndexType = IndexType.Hnsw, Shards = 3 };
        await worker.Client.CreateCollectionAsync(new CreateCollectionRequest { CollectionId = id, Spec = spec });
        await worker.UpsertAsync(id, WorkerHost.RandomRows(60, 4, seed: 2));
        var (snapshot, copy) = (NewId(), NewId());
        Assert.Equal(3, (await TakeAsync(worker, id, snapshot, "")).Spec.Shards);
        await worker.UpsertAsync(id, WorkerHost.Row("later", [1, 2, 3, 4]));
        Assert.Equal(60, await RestoreAsync(worker, snapshot, copy));
        await worker.UpsertAsync(copy, WorkerHost.RandomRows(80, 4, seed: 3));
        Assert.Equal(80, await worker.CountAsync(copy));
        Assert.Equal(61, await worker.CountAsync(id));
    }

    [Fact]
    public async Task A_damaged_snapshot_is_named_makes_no_collection_and_can_be_deleted()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]));
        var (sound, damaged, unreadable) = (NewId(), NewId(), NewId());
        foreach (var snapshot in (string[])[sound, damaged, unreadable]) await TakeAsync(worker, id, snapshot, "");
        var log = Directory.EnumerateFiles(FolderOf(damaged), "log-*").Single();
        await File.AppendAllTextAsync(log, "more than there was");
        await File.WriteAllTextAsync(Path.Combine(FolderOf(unreadable), "snapshot"), "no list");

        var copy = NewId();
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.SnapshotCorrupt, "snapshot_id", () => RestoreAsync(worker, damaged, copy));
        Assert.Contains(Path.GetFileName(log), refusal.Status.Detail);
        await Refusal.ExpectAsync(
            ErrorCode.SnapshotCorrupt, "snapshot_id", () => RestoreAsync(worker, unreadable, copy));
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", () => worker.CountAsync(copy));
        Assert.Equal([id], Directory.EnumerateDirectories(_folder.File("vectors")).Select(Path.GetFileName));
        Assert.NotEmpty((await ListAsync(worker)).Single(info => info.SnapshotId == unreadable).Error);
        Assert.True((await worker.Client.DeleteSnapshotAsync(
            new DeleteSnapshotRequest { SnapshotId = unreadable })).Existed);
        Assert.Equal(1, await RestoreAsync(worker, sound, copy));
    }

    [Fact]
    public async Task A_collection_has_no_more_snapshots_than_it_may_and_none_is_removed_silently()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration[$"{IndexOptions.Section}:SnapshotsPerCollectionMax"] = "2");
        var (one, other) = (await worker.CreateAsync(), await worker.CreateAsync());
        var first = NewId();
        await TakeAsync(worker, one, first, "");
        await TakeAsync(worker, one, NewId(), "");
        await Refusal.ExpectAsync(
            ErrorCode.SnapshotLimit, "collection_id", () => TakeAsync(worker, one, NewId(), ""));
        await TakeAsync(worker, other, NewId(), "");
        var listed = await worker.Client.ListSnapshotsAsync(new ListSnapshotsRequest { CollectionId = one });
        Assert.Equal(2, listed.Snapshots.Count);
        Assert.Equal(listed.Snapshots.Select(info => info.SnapshotId).OrderDescending(StringComparer.Ordinal),
            listed.Snapshots.Select(info => info.SnapshotId));
        await worker.Client.DeleteSnapshotAsync(new DeleteSnapshotRequest { SnapshotId = first });
        await TakeAsync(worker, one, NewId(), "");
    }

    [Fact]
    public async Task Half_made_snapshots_and_restores_are_swept_and_strange_folders_left_alone()
    {
        var snapshots = _folder.File("snapshots");
        var vectors = _folder.File("vectors");
        foreach (var path in (string[])
            [$"{snapshots}/{NewId()}.new", $"{snapshots}/.gone-{NewId()}-1", $"{vectors}/.new-{NewId()}.new",
                $"{snapshots}/mine.new"])
        {
            Directory.CreateDirectory(path);
            await File.WriteAllTextAsync(Path.Combine(path, "manifest"), "half");
        }

        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(["mine.new"], Directory.EnumerateDirectories(snapshots).Select(Path.GetFileName));
        Assert.Empty(Directory.EnumerateDirectories(vectors));
        Assert.Empty(await ListAsync(worker));
    }

    [Fact]
    public async Task Ids_that_are_none_are_refused_before_they_become_a_path()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        foreach (var bad in (string[])["", "../../etc", "x", Guid.NewGuid().ToString("N")])
        {
            await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "snapshot_id", () => TakeAsync(worker, id, bad, ""));
            await Refusal.ExpectAsync(
                ErrorCode.InvalidArgument, "snapshot_id", () => RestoreAsync(worker, bad, NewId()));
        }
    }

    private static string NewId() => Guid.CreateVersion7().ToString("D");

    private string FolderOf(string snapshot) => Path.Combine(_folder.File("snapshots"), snapshot);

    private static async Task<SnapshotInfo> TakeAsync(
        WorkerHost worker, string collection, string snapshot, string note) =>
        await worker.Client.CreateSnapshotAsync(new CreateSnapshotRequest
        {
            CollectionId = collection,
            SnapshotId = snapshot,
            NoteJson = note,
        });

    private static async Task<long> RestoreAsync(WorkerHost worker, string snapshot, string collection) =>
        (await worker.Client.RestoreSnapshotAsync(
            new RestoreSnapshotRequest { SnapshotId = snapshot, CollectionId = collection })).LiveRows;

    private static async Task<IReadOnlyList<SnapshotInfo>> ListAsync(WorkerHost worker) =>
        (await worker.Client.ListSnapshotsAsync(new ListSnapshotsRequest())).Snapshots;
}
