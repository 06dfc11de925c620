using System.Globalization;
using System.Text;
using Taishang.VectorEngine;

// A process made to be killed. It opens (or makes) the collection in the folder given, then writes and deletes by the
// seed given and says on its output what it is about to do ("try") and what was acknowledged ("ack"). The test that
// kills it knows from these lines what must be there afterwards, what must not, and what may.
//
//   <folder> <seed>
//
// try|ack <operation> upsert <version> <id> …      rows carry their version in vector and metadata
// try|ack <operation> delete <id> …
const int Dimensions = 16;
const int IdCount = 300;
const int RowsMax = 8;

var folder = args[0];
var random = new Random(int.Parse(args[1], CultureInfo.InvariantCulture));
var engine = new VectorEngineOptions { SealAfterRows = 200, BuildThreads = 2 };
await using var collection = File.Exists(Path.Combine(folder, "manifest"))
    ? await VectorCollection.OpenAsync(folder, engine, CancellationToken.None)
    : await VectorCollection.CreateAsync(
        folder,
        new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Hnsw = new HnswOptions { EfConstruction = 40 },
        },
        engine,
        CancellationToken.None);

var output = Console.Out;
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
        builds = collection.BuildIndexAsync(null, CancellationToken.None);
}

static VectorRow Row(int id, int version) => new(
    VectorId.FromInteger(id),
    Enumerable.Repeat((float)version, Dimensions).ToArray(),
    Encoding.UTF8.GetBytes($"{{\"v\":{version}}}"));
