using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Taishang.Samples.FirstSearch;

/// <summary>One run from nothing to judged answers.</summary>
internal sealed class SearchRun(TaishangClient client, string collection)
{
    /// <summary>The judgements look at this many passages a question.</summary>
    private const int JudgedDepth = 10;

    /// <summary>The build is asked after this often; ten minutes in all.</summary>
    private const int BuildPollsMax = 3000;

    private static readonly string[] Included = ["metadata"];

    private string _id = "";

    public required string IndexType { get; init; }

    public required int BatchSize { get; init; }

    public required int Top { get; init; }

    public required int Show { get; init; }

    public async Task RunAsync(Corpus corpus, CancellationToken cancellation)
    {
        var model = await DefaultModelAsync(cancellation);
        await CreateAsync(model, cancellation);
        await LoadAsync(corpus.Documents, cancellation);
        await BuildAsync(cancellation);
        await AskAsync(corpus, cancellation);
    }

    private async Task<JsonNode> DefaultModelAsync(CancellationToken cancellation)
    {
        var data = await client.GetAsync("models?name=taishang-embed&provider=builtin", cancellation);
        var model = data["models"]!.AsArray().FirstOrDefault()
            ?? throw new TaishangException(0, "the model taishang-embed is not registered");
        Console.WriteLine($"model       {model["name"]} {model["version"]}, {model["dims"]} dimensions");
        return model;
    }

    private async Task CreateAsync(JsonNode model, CancellationToken cancellation)
    {
        var old = await client.GetAsync($"vector_collections?name={collection}", cancellation);
        foreach (var found in old["collections"]!.AsArray())
            await client.DeleteAsync($"vector_collections/{found!["id"]}", cancellation);

        var created = await client.PostAsync(
            "vector_collections",
            new
            {
                name = collection,
                dims = (int)model["dims"]!,
                index_type = IndexType,
                metric_type = "cosine",
                model = (string)model["name"]!,
            },
            cancellation);
        _id = (string)created["id"]!;
        Console.WriteLine($"collection  {collection} {_id}");
    }

    private async Task LoadAsync(IReadOnlyList<TextEntry> all, CancellationToken cancellation)
    {
        // Some corpora hold empty documents; there is nothing in them to find, and taishang refuses an empty text.
        var documents = all.Where(document => !string.IsNullOrWhiteSpace(document.Text)).ToArray();
        var watch = Stopwatch.StartNew();
        var written = 0;
        foreach (var batch in documents.Chunk(BatchSize))
        {
            var rows = batch.Select(d => new { id = d.Id, text = d.Text, metadata = new { text = d.Text } });
            var answer = await client.PostAsync("vectors/upsert", new { collection, vectors = rows }, cancellation);
            written += (int)answer["count"]!;
            Progress("load", written, documents.Length);
        }

        var empty = all.Count - documents.Length;
        Console.WriteLine(
            $"  {written / watch.Elapsed.TotalSeconds:0} documents/s{(empty > 0 ? $", {empty} empty left out" : "")}");
    }

    private async Task BuildAsync(CancellationToken cancellation)
    {
        var build = await client.PostAsync($"vector_collections/{_id}/build", new { }, cancellation);
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        for (var poll = 0; poll < BuildPollsMax; poll++)
        {
            var task = await client.GetAsync($"tasks/{build["task_id"]}", cancellation);
            var status = (string)task["status"]!;
            Progress("build", (int)task["progress"]!, 100);
            if (status == "completed")
            {
                Console.WriteLine();
                return;
            }

            if (status is "failed" or "cancelled")
                throw new TaishangException(0, $"the build ended as {status}: {task["error_msg"]}");
            await pause.WaitForNextTickAsync(cancellation);
        }

        throw new TaishangException(0, $"the build task {build["task_id"]} does not end");
    }

    private async Task AskAsync(Corpus corpus, CancellationToken cancellation)
    {
        var judge = new Judge(corpus.Relevant, JudgedDepth);
        var watch = Stopwatch.StartNew();
        var asked = 0;
        foreach (var query in corpus.Queries)
        {
            var data = await client.PostAsync(
                "vectors/search",
                new { collection, text = query.Text, top_k = Math.Max(Top, JudgedDepth), include = Included },
                cancellation);
            var results = data["results"]!.AsArray();
            judge.Add(query.Id, [.. results.Select(r => r!["id"]!.ToString())]);
            if (asked++ < Show) Print(query, results);
        }

        Console.WriteLine($"\n{asked} questions, {asked / watch.Elapsed.TotalSeconds:0} a second");
        if (judge.Judged > 0)
            Console.WriteLine($"nDCG@{JudgedDepth} {judge.Ndcg:0.000}   recall@{JudgedDepth} {judge.Recall:0.000}");
    }

    private void Print(TextEntry query, JsonArray results)
    {
        Console.WriteLine($"\n? {query.Text}");
        foreach (var result in results.Take(Top))
        {
            var text = (string)result!["metadata"]!["text"]!;
            Console.WriteLine(
                $"  {(double)result["score"]!:0.000}  {result["id"]}  {(text.Length <= 90 ? text : text[..90] + "…")}");
        }
    }

    private static void Progress(string what, int done, int all)
    {
        const int Width = 30;
        var filled = all == 0 ? Width : (int)((long)done * Width / all);
        Console.Write($"\r{what,-10}  [{new string('#', filled)}{new string('.', Width - filled)}] {done}/{all}");
    }
}
