using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Indexes.Ivf;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes;

/// <summary>Begins indexes and reads them back, each kind in its own way.</summary>
internal static class RowIndexes
{
    /// <summary>An empty index that fits the first rows of a table.</summary>
    public static IRowIndex Begin(IndexKind kind, VectorCollectionOptions options, RowScorer scorer, int rows) =>
        kind switch
        {
            IndexKind.Hnsw => new HnswIndex(
                BeginGraph(CodeOptions.Of(options, kind), options.Hnsw, scorer.Rows, rows),
                scorer,
                CodeOptions.Of(options, kind)),
            _ => NewLists(kind, options, scorer),
        };

    /// <summary>The index that <see cref="IRowIndex.Save"/> wrote.</summary>
    /// <param name="file">Where it lies.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="options">Of the collection.</param>
    /// <param name="scorer">Of the table.</param>
    /// <param name="rows">Rows that the index may lead to.</param>
    /// <exception cref="CorruptDataException">The file is damaged or does not fit; begin anew.</exception>
    public static IRowIndex Load(
        IndexFile file, IndexKind kind, VectorCollectionOptions options, RowScorer scorer, int rows)
    {
        var shape = new GraphRows(rows, options.Dimensions, options.Metric);
        return kind switch
        {
            IndexKind.Hnsw => LoadGraph(
                HnswFile.Load(file.Device, file.Path, options.Hnsw, shape), scorer, CodeOptions.Of(options, kind)),
            _ => LoadLists(file, NewLists(kind, options, scorer), scorer, rows),
        };
    }

    private static HnswIndex LoadGraph(HnswGraph graph, RowScorer scorer, CodeOptions codes)
    {
        var index = new HnswIndex(graph, scorer, codes);
        index.CoverLoaded();
        return index;
    }

    private static HnswGraph BeginGraph(CodeOptions codes, HnswOptions options, RowTable table, int rows) =>
        HnswGraph.Over(table, rows, options, codes.Form ?? CodeForm.Seven, codes.KeepsRemainders);

    private static IvfIndex NewLists(IndexKind kind, VectorCollectionOptions options, RowScorer scorer) =>
        new(kind, options.Ivf, CodeOptions.Of(options, kind), scorer);

    private static IvfIndex LoadLists(IndexFile file, IvfIndex index, RowScorer scorer, int rows)
    {
        IvfFile.Load(file, index, scorer.Rows, rows);
        return index;
    }
}

/// <summary>A file of an index.</summary>
internal readonly record struct IndexFile(IStorageDevice Device, string Path);
