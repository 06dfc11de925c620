using Google.Protobuf;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class ScrollCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_scroll_gives_every_row_once_while_others_write()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(1);
        await worker.UpsertAsync(id, [.. Enumerable.Range(0, 10).Select(i => WorkerHost.Row(
            $"r{i}", [i], $$"""{"even":{{(i % 2 == 0 ? "true" : "false")}}}"""))]);
        var request = new ScrollVectorsRequest
        {
            CollectionId = id,
            Limit = 2,
            FilterJson = ByteString.CopyFromUtf8("""{"even":true}"""),
            IncludeMetadata = true,
        };
        var first = await worker.Client.ScrollVectorsAsync(request);
        await worker.UpsertAsync(id, WorkerHost.Row("r2", [50], """{"even":true}"""));
        await worker.UpsertAsync(id, WorkerHost.Row("r20", [20], """{"even":true}"""));
        var seen = first.Rows.Select(row => row.Id.Text).ToList();
        request.FilterJson = ByteString.Empty;
        request.IncludeVector = true;
        request.Cursor = first.NextCursor;
        while (request.Cursor.Length > 0)
        {
            var page = await worker.Client.ScrollVectorsAsync(request);
            Assert.Equal(5, page.Total);
            Assert.All(page.Rows, row => Assert.True(row.Vector.Count == 1 && row.MetadataJson.Length > 0));
            seen.AddRange(page.Rows.Select(row => row.Id.Text));
            request.Cursor = page.NextCursor;
        }

        Assert.Equal(["r0", "r2", "r4", "r6", "r8"], seen);
        Assert.Empty(first.Rows[0].Vector);
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused_by_its_field()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(1);
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1]), WorkerHost.Row("b", [1]));
        async Task RefusedAsync(ErrorCode code, string field, Action<ScrollVectorsRequest> spoil)
        {
            var request = new ScrollVectorsRequest { CollectionId = id, Limit = 1 };
            spoil(request);
            await Refusal.ExpectAsync(code, field, async () => await worker.Client.ScrollVectorsAsync(request));
        }

        await RefusedAsync(ErrorCode.InvalidArgument, "limit", request => request.Limit = 0);
        await RefusedAsync(ErrorCode.InvalidArgument, "limit", request => request.Limit = 10_001);
        await RefusedAsync(ErrorCode.InvalidArgument, "cursor", request => request.Cursor = "x");
        await RefusedAsync(ErrorCode.InvalidArgument, "cursor", request => request.Cursor = new string('x', 129));
        await RefusedAsync(ErrorCode.ScrollExpired, "cursor", request => request.Cursor = $"{Guid.NewGuid():N}-0-1");
        await RefusedAsync(ErrorCode.InvalidArgument, "filter", request =>
        {
            request.Cursor = $"{Guid.NewGuid():N}-0-1";
            request.FilterJson = ByteString.CopyFromUtf8("""{"a":1}""");
        });
    }

    [Fact]
    public async Task Groups_come_in_the_order_of_their_nearest_rows()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(1);
        await worker.UpsertAsync(id, [.. Enumerable.Range(0, 12).Select(i => WorkerHost.Row(
            $"r{i:D2}", [i], $$"""{"g":{{i % 3}}}"""))]);
        var request = WorkerHost.Question(id, [1], 2);
        request.Queries.Add(new QueryVector { Values = { 11f } });
        request.GroupBy = "g";
        request.GroupSize = 2;
        request.IncludeMetadata = true;

        var answer = await worker.Client.SearchVectorsAsync(request);

        Assert.Equal(["1: r01 r04", "0: r00 r03"], answer.Answers[0].Groups.Select(Shown));
        Assert.Equal(["2: r11 r08", "1: r10 r07"], answer.Answers[1].Groups.Select(Shown));
        Assert.Empty(answer.Answers[0].Hits_);
        request.Offset = 1;
        await Refusal.ExpectAsync(
            ErrorCode.InvalidArgument, "offset", async () => await worker.Client.SearchVectorsAsync(request));
        request.Offset = 0;
        request.Queries[1].Values.Add(1);
        await Refusal.ExpectAsync(
            ErrorCode.DimensionMismatch, "queries[1]", async () => await worker.Client.SearchVectorsAsync(request));
    }

    [Fact]
    public async Task A_batch_takes_idle_places_and_gives_them_back()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:SearchesMax"] = "4");
        var id = await worker.CreateAsync(1);
        await worker.UpsertAsync(id, [.. Enumerable.Range(0, 50).Select(i => WorkerHost.Row($"r{i:D2}", [i]))]);
        var request = WorkerHost.Question(id, [0], 1);
        for (var i = 1; i < 50; i++) request.Queries.Add(new QueryVector { Values = { i } });
        var gate = worker.Get<CallGates>().Searches;
        using (await gate.EnterAsync(CancellationToken.None))
        using (var idle = gate.TakeIdle(10))
        {
            Assert.Equal(3, idle.Count);
        }

        var answer = await worker.Client.SearchVectorsAsync(request);

        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"r{i:D2}"), answer.Answers.Select(hits => hits.Hits_[0].Id.Text));
        Assert.Equal(0, gate.RunningCount);
    }

    private static string Shown(HitGroup group) =>
        $"{group.ValueJson.ToStringUtf8()}: {string.Join(' ', group.Hits.Select(hit => hit.Id.Text))}";
}
