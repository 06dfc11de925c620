using System.Text.Json;

namespace Taishang.Core.Vectors;

/// <summary>How an evaluation asks; of a payload that was checked.</summary>
/// <param name="Depth">Hits of a search that count: k.</param>
/// <param name="Widths">Each ef that is asked with; 0 is the collection's own.</param>
/// <param name="Probes">0 is the collection's own.</param>
/// <param name="Sample">Rows that are the queries; null when the payload brings them.</param>
internal sealed record EvaluationSettings(int Depth, IReadOnlyList<int> Widths, int Probes, EvaluationSample? Sample)
{
    public static EvaluationSettings Of(JsonElement payload)
    {
        var widths = !payload.TryGetProperty("ef", out var ef) ? [0]
            : ef.ValueKind == JsonValueKind.Array ? ef.EnumerateArray().Select(one => one.GetInt32()).ToArray()
            : [ef.GetInt32()];
        EvaluationSample? sample = payload.TryGetProperty("sample", out var count)
            ? new EvaluationSample(count.GetInt32(), Number(payload, "seed", 0))
            : null;
        return new EvaluationSettings(
            Number(payload, "k", EvaluationPayload.DepthDefault), widths, Number(payload, "nprobe", 0), sample);
    }

    private static int Number(JsonElement payload, string field, int otherwise) =>
        payload.TryGetProperty(field, out var value) ? value.GetInt32() : otherwise;
}

/// <param name="Count">Rows at most.</param>
/// <param name="Seed">The same gives the same rows while the collection stays as it is.</param>
internal readonly record struct EvaluationSample(int Count, int Seed);
