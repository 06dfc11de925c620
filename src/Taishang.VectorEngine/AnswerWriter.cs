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

            ref readonly var info = ref rows.Info(neighbor.Row);
            hits.Add(new SearchHit(
                new VectorId(info.Id, info.IsInteger),
                distance,
                score,
                request.IncludeMetadata ? info.Metadata : default,
                request.IncludeVector ? rows.VectorSpan(neighbor.Row).ToArray() : default(ReadOnlyMemory<float>)));
        }

        return new SearchAnswer(hits);
    }

    public static VectorRow Row(RowTable rows, int row)
    {
        ref readonly var info = ref rows.Info(row);
        return new VectorRow(
            new VectorId(info.Id, info.IsInteger),
            rows.VectorSpan(row).ToArray(),
            info.Metadata,
            info.ExpiresAtTicks == RowInfo.Never ? null : new DateTimeOffset(info.ExpiresAtTicks, TimeSpan.Zero));
    }

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
