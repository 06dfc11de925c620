using System.Numerics.Tensors;

namespace Taishang.Ai.Models;

/// <summary>What a test of a model found.</summary>
/// <param name="Passed">True if the model answered with a vector that can be used.</param>
/// <param name="Dimensions">Floats in the vector; 0 if it failed.</param>
/// <param name="LoadMs">Milliseconds that loading or connecting took.</param>
/// <param name="LatencyMs">Milliseconds that the second embedding of the probe took, after the first warmed it.</param>
/// <param name="MaxTokens">Tokens of a text that the model reads; 0: unknown.</param>
/// <param name="Normalized">Whether the vector has the length 1.</param>
/// <param name="Checksum">Digest of what was loaded; empty for a remote model.</param>
/// <param name="Error">The kind of failure; null if it passed.</param>
/// <param name="Reason">Why it failed, for a person to read; empty if it passed.</param>
internal sealed record ModelTestReport(
    bool Passed, int Dimensions, double LoadMs, double LatencyMs, int MaxTokens, bool Normalized, string Checksum,
    ModelErrorKind? Error, string Reason);

/// <summary>Tests a model by really using it.</summary>
internal sealed class ModelProbe(EmbeddingModels models, TimeProvider time)
{
    // Rounding of float32 over some thousand numbers stays far below this; no unnormalised vector is so near 1.
    private const float LengthTolerance = 1e-3f;

    // Both languages that the system is for, so that a tokenizer that knows neither shows itself.
    private static readonly string[] Probe = ["The quick test of a model. 模型的快速测试。"];

    /// <summary>Loads the model and embeds a probe text twice.</summary>
    public async ValueTask<ModelTestReport> TestAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        double loadMs = 0;
        try
        {
            using ModelLease<IEmbeddingModel> lease = await models.AcquireAsync(reference, cancellationToken);
            loadMs = time.GetElapsedTime(start).TotalMilliseconds;
            IEmbeddingModel model = lease.Value;
            EmbeddingBatch first = await model.EmbedAsync(Probe, cancellationToken);
            start = time.GetTimestamp();
            EmbeddingBatch second = await model.EmbedAsync(Probe, cancellationToken);
            double latencyMs = time.GetElapsedTime(start).TotalMilliseconds;
            string? fault = FaultOf(first, second);
            return new ModelTestReport(
                fault is null, fault is null ? second.Dimensions : 0, loadMs, latencyMs, model.Info.MaxTokens,
                Math.Abs(TensorPrimitives.Norm<float>(second.Values) - 1) < LengthTolerance, model.Info.Checksum ?? "",
                fault is null ? null : ModelErrorKind.RunFailed, fault ?? "");
        }
        catch (ModelException failure)
        {
            return Failed(failure, loadMs);
        }
    }

    public static ModelTestReport Failed(ModelException failure, double loadMs) =>
        new(false, 0, loadMs, 0, 0, false, "", failure.Kind, failure.Message);

    private static string? FaultOf(EmbeddingBatch first, EmbeddingBatch second)
    {
        ReadOnlySpan<float> vector = second.Values;
        if (!TensorPrimitives.IsFiniteAll(vector)) return "The model's vector holds numbers that are not finite.";
        if (TensorPrimitives.MaxMagnitude(vector) == 0) return "The model's vector is all zeros.";
        return first.Dimensions == second.Dimensions
            ? null
            : $"The model gave {first.Dimensions} dimensions once and {second.Dimensions} the next time.";
    }
}
