using System.Globalization;
using System.Text;
using Taishang.VectorEngine;

// A process made to be killed. It opens (or makes) the collection in the folder given, then writes and deletes by the
// seed given and says on its output what it is about to do ("try") and what was acknowledged ("ack"). The test that
// kills it knows from these lines what must be there afterwards, what must not, and what may.
//
//   <folder> <seed> <index kind> <shards> <compression> <rerank>
//
// try|ack <operation> upsert <version> <id> …      rows carry their version in vector and metadata
// try|ack <operation> delete <id> …
// begin|end build|compaction                       runs beside the writes
//
// Called as "memory <folder> <rounds>" it makes and drops collections instead, and says after each round how many bytes
// of memory the process holds.
const int IdCount = 300;
const int RowsMax = 8;

if (args[0] == "memory")
{
    await Taishang.VectorEngine.Crash.MemoryRounds.RunAsync(
        args[1], int.Parse(args[2], CultureInfo.InvariantCulture));
    return;
}

var folder = args[0];
var random = new Random(int.Parse(args[1], CultureInfo.InvariantCulture));
var engine = new VectorEngineOptions { SealAfterRows = 60, SaveGraphAfterRows = 40, BuildThreads = 2 };
var options = new VectorCollectionOptions
{
    Dimensions = Limits.BinaryDimensionsMin,
    Metric = DistanceMetric.L2,
    Index = Enum.Parse<IndexKind>(args[2]),
    Shards = int.Parse(args[3], CultureInfo.InvariantCulture),
    Compression = Enum.Parse<CompressionKind>(args[4]),
    Rerank = Enum.Parse<RerankKind>(args[5]),
    Hnsw = new HnswOptions { EfConstruction = 40 },
};
await using var collection = File.Exists(Path.Combine(folder, options.Shards == 1 ? "manifest" : "shards"))
    ? await VectorCollections.OpenAsync(folder, engine, CancellationToken.None)
    : await VectorCollections.CreateAsync(folder, options, engine, CancellationToken.None);

var output = TextWriter.Synchronized(Console.Out);
var builds = Task.CompletedTask;
for (var operation = 0; ; operation++)
{
    var ids = Enumerable.Range(0, 1 + random.Next(RowsMax)).Select(_ => random.Next(IdCount)).Distinct().ToList();
    var isDelete = random.Next(4) == 0;
    var version = random.Next(1, 1_000_000);
    var line = isDelete
        ? $"{operation} delete {string.Join(' ', ids)}"
        : $"{operation} upsert {version} {string.Join(' ', ids)}";
    await output.WriteLineAsync("try " + line);
    await output.FlushAsync();
    if (isDelete)
        await collection.DeleteAsync([.. ids.Select(id => VectorId.FromInteger(id))], CancellationToken.None);
    else
        await collection.UpsertAsync([.. ids.Select(id => Row(id, version))], CancellationToken.None);

    await output.WriteLineAsync("ack " + line);
    await output.FlushAsync();
    if (random.Next(15) == 0 && builds.IsCompleted)
        builds = MaintainAsync(random.Next(2) == 0);
}

async Task MaintainAsync(bool isBuild)
{
    var name = isBuild ? "build" : "compaction";
    output.WriteLine("begin " + name);
    output.Flush();
    await (isBuild
        ? collection.BuildIndexAsync(null, CancellationToken.None)
        : collection.CompactAsync(null, CancellationToken.None));
    output.WriteLine("end " + name);
    output.Flush();
}

// The version last; then what only this id and version have, so that codes tell rows apart.
VectorRow Row(int id, int version)
{
    var noise = new Random(id * 1_000_000 + version);
    var vector = Enumerable.Range(0, options.Dimensions).Select(_ => noise.NextSingle() - 0.5f).ToArray();
    vector[^1] = version;
    return new VectorRow(VectorId.FromInteger(id), vector, Encoding.UTF8.GetBytes($"{{\"v\":{version}}}"));
}
