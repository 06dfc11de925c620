using Google.Protobuf;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class RowCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Rows_come_back_as_they_were_written()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(3, Metric.Cosine);
        const long ExpiresAtMs = 4_102_444_800_000;
        var text = WorkerHost.Row("文", [1, 2, 3], """{"lang":"zh","year":2026}""");
        text.ExpiresAtMs = ExpiresAtMs;
        var number = new Row { Id = new RowId { Integer = -7 }, Vector = { 4f, 5f, 6f } };
        Assert.Equal(2, await worker.UpsertAsync(id, text, number));

        var found = await worker.Client.GetVectorsAsync(new GetVectorsRequest
        {
            CollectionId = id,
            Ids = { new RowId { Text = "-7" }, new RowId { Text = "nobody" }, new RowId { Text = "文" } },
        });
        Assert.Equal([number, text], found.Rows);
    }

    [Fact]
    public async Task An_upsert_with_one_bad_row_writes_none_and_names_it()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(3, Metric.Cosine);
        var good = WorkerHost.Row("good", [1, 2, 3]);
        async Task RefusedAsync(ErrorCode code, string field, Row bad)
        {
            var refusal = await Refusal.ExpectAsync(code, field, () => worker.UpsertAsync(id, good, bad));
            Assert.NotEmpty(refusal.Status.Detail);
        }

        await RefusedAsync(ErrorCode.DimensionMismatch, "rows[1].vector", WorkerHost.Row("a", [1, 2]));
        await RefusedAsync(ErrorCode.DimensionMismatch, "rows[1].vector", WorkerHost.Row("a", []));
        await RefusedAsync(ErrorCode.VectorNotFinite, "rows[1].vector", WorkerHost.Row("a", [1, float.NaN, 3]));
        await RefusedAsync(
            ErrorCode.VectorNotFinite, "rows[1].vector", WorkerHost.Row("a", [1, float.NegativeInfinity, 3]));
        await RefusedAsync(ErrorCode.ZeroVector, "rows[1].vector", WorkerHost.Row("a", [0, 0, 0]));
        await RefusedAsync(ErrorCode.VectorIdInvalid, "rows[1].id", WorkerHost.Row("", [1, 2, 3]));
        await RefusedAsync(ErrorCode.VectorIdInvalid, "rows[1].id", WorkerHost.Row(new string('x', 129), [1, 2, 3]));
        await RefusedAsync(ErrorCode.VectorIdInvalid, "rows[1].id", new Row { Vector = { 1f, 2f, 3f } });
        await RefusedAsync(ErrorCode.MetadataInvalid, "rows[1].metadata", WorkerHost.Row("a", [1, 2, 3], "[1]"));
        await RefusedAsync(ErrorCode.MetadataInvalid, "rows[1].metadata", WorkerHost.Row("a", [1, 2, 3], "{"));
        await RefusedAsync(
            ErrorCode.InvalidArgument, "rows[1].expires_at_ms",
            new Row { Id = new RowId { Text = "a" }, Vector = { 1f, 2f, 3f }, ExpiresAtMs = -1 });
        Assert.Equal(0, await worker.CountAsync(id));
    }

    [Fact]
    public async Task Ten_thousand_rows_are_taken_and_one_more_is_refused()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(2);
        var rows = WorkerHost.RandomRows(RpcLimits.RowsMax + 1, 2, seed: 3);
        await Refusal.ExpectAsync(ErrorCode.TooManyRows, "rows", () => worker.UpsertAsync(id, rows));
        Assert.Equal(RpcLimits.RowsMax, await worker.UpsertAsync(id, rows[1..]));
        var ids = rows.Select(row => row.Id);
        await Refusal.ExpectAsync(ErrorCode.TooManyRows, "ids", async () =>
            await worker.Client.GetVectorsAsync(new GetVectorsRequest { CollectionId = id, Ids = { ids } }));
        Assert.Equal(RpcLimits.RowsMax, await worker.CountAsync(id));
    }

    [Fact]
    public async Task A_message_far_over_the_web_servers_usual_limits_is_taken()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(16_384);
        var rows = WorkerHost.RandomRows(1_000, 16_384, seed: 4);
        var request = new UpsertVectorsRequest { CollectionId = id, Rows = { rows } };
        Assert.True(request.CalculateSize() > 60 << 20);
        Assert.Equal(1_000, (await worker.Client.UpsertVectorsAsync(request)).Count);
        var found = await worker.Client.GetVectorsAsync(
            new GetVectorsRequest { CollectionId = id, Ids = { request.Rows.Select(row => row.Id) } });
        Assert.Equal(request.Rows[999].Vector, found.Rows[999].Vector);
    }

    [Fact]
    public async Task Deletes_count_what_really_went_by_id_and_by_filter()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(
            id, WorkerHost.Row("a", [1, 0, 0], """{"n":1}"""), WorkerHost.Row("b", [2, 0, 0], """{"n":2}"""),
            WorkerHost.Row("c", [3, 0, 0], """{"n":3}"""));
        var byId = await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
        {
            CollectionId = id,
            Ids = { new RowId { Text = "a" }, new RowId { Text = "a" }, new RowId { Text = "x" } },
        });
        Assert.Equal(1, byId.Count);
        var byFilter = await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
        {
            CollectionId = id,
            FilterJson = ByteString.CopyFromUtf8("""{"n":{"$gte":3}}"""),
        });
        Assert.Equal(1, byFilter.Count);
        Assert.Equal(1, await worker.CountAsync(id));
    }

    [Fact]
    public async Task A_delete_names_ids_or_a_filter_and_not_both()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "ids", async () =>
            await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest { CollectionId = id }));
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "ids", async () =>
            await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
            {
                CollectionId = id,
                Ids = { new RowId { Integer = 1 } },
                FilterJson = ByteString.CopyFromUtf8("""{"a":1}"""),
            }));
        await Refusal.ExpectAsync(ErrorCode.VectorIdInvalid, "ids[1]", async () =>
            await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
            {
                CollectionId = id,
                Ids = { new RowId { Integer = 1 }, new RowId() },
            }));
    }

    [Fact]
    public async Task Count_takes_a_filter_and_refuses_a_bad_one()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(
            id, WorkerHost.Row("a", [1, 0, 0], """{"n":1}"""), WorkerHost.Row("b", [2, 0, 0], """{"n":2}"""));
        async Task<long> CountAsync(string filter) => (await worker.Client.CountVectorsAsync(new CountVectorsRequest
        {
            CollectionId = id,
            FilterJson = ByteString.CopyFromUtf8(filter),
        })).Count;
        Assert.Equal(1, await CountAsync("""{"n":2}"""));
        await Refusal.ExpectAsync(ErrorCode.FilterInvalid, "filter", () => CountAsync("""{"n":{"$near":2}}"""));
        await Refusal.ExpectAsync(ErrorCode.FilterInvalid, "filter", () => CountAsync("{"));
        await Refusal.ExpectAsync(
            ErrorCode.FilterInvalid, "filter", () => CountAsync(new string(' ', RpcLimits.FilterBytesMax + 1)));
    }

    [Fact]
    public async Task An_upsert_beyond_the_memory_limit_is_refused_in_words()
    {
        // Room for everything that tests do beside this one, but not for 10,000 rows of 32,768 dims.
        var limit = Environment.WorkingSet + (2L << 30);
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:MemoryBytesMax"] = limit.ToString());
        var id = await worker.CreateAsync(32_768);
        var rows = Enumerable.Range(0, RpcLimits.RowsMax).Select(i => WorkerHost.Row($"r{i}", []));
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.InsufficientMemory, "", () => worker.UpsertAsync(id, [.. rows]));
        Assert.Contains("MiB", refusal.Status.Detail);
        Assert.NotNull(refusal.Trailers.GetValue(WorkerErrors.RetryAfterTrailer));
    }
}
