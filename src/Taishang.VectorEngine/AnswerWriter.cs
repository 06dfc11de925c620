using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Copies rows out of the engine into answers of their own, which outlive the generation that they lay in.
/// </summary>
internal static class AnswerWriter
{
    public static SearchAnswer Write(SearchMatches matches, SearchRequest request)
    {
        var hits = new SearchHit[matches.Count];
        for (var i = 0; i < hits.Length; i++)
            hits[i] = Hit(matches[i], request);

        return new SearchAnswer(hits);
    }

    public static SearchHit Hit(SearchMatch match, SearchRequest request) => new(
        match.ToId(),
        match.Distance,
        match.Score,
        request.IncludeMetadata ? Copy(match.MetadataJson) : default,
        request.IncludeVector ? match.Vector.ToArray() : default(ReadOnlyMemory<float>));

    public static VectorRow Row(RowTable rows, int row, bool withVector = true, bool withMetadata = true)
    {
        var record = rows.Record(row);
        var expiry = record.ExpiresAtTicks;
        return new VectorRow(
            record.ToId(),
            withVector ? rows.VectorSpan(row).ToArray() : default(ReadOnlyMemory<float>),
            withMetadata ? Copy(record.Metadata) : default,
            expiry == RowRecord.Never ? null : new DateTimeOffset(expiry, TimeSpan.Zero));
    }

    public static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> metadata) =>
        metadata.IsEmpty ? default(ReadOnlyMemory<byte>) : metadata.ToArray();
}
