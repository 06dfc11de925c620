using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Turns rows and engine distances into what the API promises; the only place where distances become scores.
/// </summary>
internal static class AnswerWriter
{
    public static SearchAnswer Write(ReadOnlySpan<Neighbor> found, SearchRequest request, RowTable rows)
    {
        var hits = new List<SearchHit>(found.Length);
        foreach (var neighbor in found)
        {
            var distance = Distance(rows.Metric, neighbor.Distance);
            var score = Score(rows.Metric, distance);
            if (score < request.ScoreThreshold)
                continue;

            var record = rows.Record(neighbor.Row);
            hits.Add(new SearchHit(
                record.ToId(),
                distance,
                score,
                request.IncludeMetadata ? Copy(record.Metadata) : default,
                request.IncludeVector ? rows.VectorSpan(neighbor.Row).ToArray() : default(ReadOnlyMemory<float>)));
        }

        return new SearchAnswer(hits);
    }

    public static VectorRow Row(RowTable rows, int row)
    {
        var record = rows.Record(row);
        var expiry = record.ExpiresAtTicks;
        return new VectorRow(
            record.ToId(),
            rows.VectorSpan(row).ToArray(),
            Copy(record.Metadata),
            expiry == RowRecord.Never ? null : new DateTimeOffset(expiry, TimeSpan.Zero));
    }

    /// <summary>Answers outlive the generation that their rows lie in.</summary>
    private static ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> metadata) =>
        metadata.IsEmpty ? default(ReadOnlyMemory<byte>) : metadata.ToArray();

    private static float Distance(DistanceMetric metric, float engineDistance) => metric switch
    {
        DistanceMetric.L2 => MathF.Sqrt(engineDistance),
        DistanceMetric.Cosine => Math.Clamp(1f + engineDistance, 0f, 2f),
        _ => engineDistance,
    };

    private static float Score(DistanceMetric metric, float distance) => metric switch
    {
        DistanceMetric.L2 => 1f / (1f + distance),
        DistanceMetric.Cosine => 1f - distance,
        _ => -distance,
    };
}
