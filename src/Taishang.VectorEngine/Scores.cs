namespace Taishang.VectorEngine;

/// <summary>Turns engine distances into what the API promises; the only place where distances become scores.</summary>
internal static class Scores
{
    public static float Distance(DistanceMetric metric, float engineDistance) => metric switch
    {
        DistanceMetric.L2 => MathF.Sqrt(engineDistance),
        DistanceMetric.Cosine => Math.Clamp(1f + engineDistance, 0f, 2f),
        _ => engineDistance,
    };

    public static float Score(DistanceMetric metric, float distance) => metric switch
    {
        DistanceMetric.L2 => 1f / (1f + distance),
        DistanceMetric.Cosine => 1f - distance,
        _ => -distance,
    };
}
