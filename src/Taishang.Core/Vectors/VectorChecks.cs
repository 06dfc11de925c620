using Taishang.Core.Api;
using Taishang.Core.Vectors.Json;

namespace Taishang.Core.Vectors;

/// <summary>What makes a vector fit its collection.</summary>
internal static class VectorChecks
{
    public static void Check(
        FieldErrors errors, FieldPath path, ReadOnlySpan<float> vector, int dims, bool refuseZero)
    {
        if (vector.Length != dims)
            errors.Add(ErrorCodes.DimensionMismatch, path.ToString(),
                $"expected {dims} dimensions, came {vector.Length}");
        else if (refuseZero && vector.IndexOfAnyExcept(0f) < 0)
            errors.Add(ErrorCodes.ZeroVector, path.ToString(), "a zero vector has no direction under cosine");
    }
}
