using System.CommandLine;
using System.CommandLine.Parsing;
using Taishang.Samples.FirstSearch;

var url = new Option<Uri>("--url")
{
    Description = "Where taishang listens.",
    DefaultValueFactory = _ => new Uri("http://127.0.0.1:7080"),
    CustomParser = result =>
    {
        if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var address)
            && address.Scheme is ("http" or "https"))
            return address;
        result.AddError($"--url: expected an address such as http://127.0.0.1:7080, came '{result.Tokens[0].Value}'");
        return null;
    },
};
var corpus = new Option<DirectoryInfo>("--corpus")
{
    Description = "Folder with corpus.jsonl, queries.jsonl and, to be judged, qrels.tsv.",
    DefaultValueFactory = _ => new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "corpus")),
};
var collection = new Option<string>("--collection")
{
    Description = "Name of the collection; made anew at each run.",
    DefaultValueFactory = _ => "first-search",
};
var index = new Option<string>("--index") { Description = "HNSW or FLAT.", DefaultValueFactory = _ => "HNSW" };
var batch = Number("--batch", "Documents in one request, 1–10000.", 256, 10_000);
var top = Number("--top", "Passages printed for each question, 1–100.", 3, 100);
var show = Number("--show", "Questions printed; all of them are searched and judged.", 10, 100_000);

var command = new RootCommand("Loads a corpus into taishang, builds its index, asks its questions, judges the answers.")
{
    url, corpus, collection, index, batch, top, show,
};
command.SetAction(async (result, cancellation) =>
{
    using var client = new TaishangClient(result.GetRequiredValue(url));
    var run = new SearchRun(client, result.GetRequiredValue(collection))
    {
        IndexType = result.GetRequiredValue(index),
        BatchSize = result.GetRequiredValue(batch),
        Top = result.GetRequiredValue(top),
        Show = result.GetRequiredValue(show),
    };
    try
    {
        await run.RunAsync(Corpus.Read(result.GetRequiredValue(corpus)), cancellation);
        return 0;
    }
    catch (Exception e) when (e is TaishangException or HttpRequestException or IOException or FormatException)
    {
        await Console.Error.WriteLineAsync($"first-search: {e.Message}");
        return 1;
    }
});
return await command.Parse(args).InvokeAsync();

static Option<int> Number(string name, string description, int value, int max)
{
    var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
    option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < 1 || result.GetValueOrDefault<int>() > max)
            result.AddError($"{name}: expected 1–{max}");
    });
    return option;
}
