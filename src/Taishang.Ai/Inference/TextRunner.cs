using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>Packs a batch of texts into a model's inputs, runs it, and gives each text its part of the
/// output.</summary>
internal sealed class TextRunner(TextShape shape, long padding)
{
    /// <exception cref="ModelException">The model failed, or gave another shape than it declares.</exception>
    public Task RunAsync(List<QueuedText> batch, CancellationToken cancellationToken)
    {
        int length = shape.FixedLength > 0 ? shape.FixedLength : batch.Max(text => text.Ids.Length);
        int rows = shape.FixedBatch > 0 ? shape.FixedBatch : batch.Count;
        long[] ids = new long[rows * length];
        long[] mask = new long[rows * length];
        Array.Fill(ids, padding);
        for (int i = 0; i < batch.Count; i++)
        {
            long[] text = batch[i].Ids;
            text.CopyTo(ids, i * length);
            Array.Fill(mask, 1, i * length, text.Length);
        }
        long[] size = [rows, length];
        var inputs = new Dictionary<string, OrtValue> { [shape.Ids.Name] = Whole(shape.Ids, ids, size) };
        if (shape.Mask is { } masks) inputs[masks.Name] = Whole(masks, mask, size);
        if (shape.Types is { } types) inputs[types.Name] = Whole(types, new long[ids.Length], size);
        return batch[0].Job.Model.RunAsync(
            inputs, [shape.Output.Name], results => Give(results[0], batch, length), cancellationToken);
    }

    private static OrtValue Whole(TensorDescription input, long[] values, long[] size) =>
        input.Type == TensorType.Int64
            ? OrtValue.CreateTensorValueFromMemory(values, size)
            : OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(values, value => (int)value), size);

    private bool Give(OrtValue output, List<QueuedText> batch, int length)
    {
        long[] size = output.GetTensorTypeAndShape().Shape;
        int columns = (int)size[^1];
        bool fits = size.Length == shape.Output.Shape.Count && size[0] >= batch.Count && columns > 0
            && (size.Length == 2 || size[1] == length);
        if (!fits)
            throw new ModelException(ModelErrorKind.RunFailed, $"The model gave [{string.Join(", ", size)}] floats.");
        ReadOnlySpan<float> floats = output.GetTensorDataAsSpan<float>();
        int stride = size.Length == 2 ? columns : length * columns;
        for (int i = 0; i < batch.Count; i++)
            batch[i].Job.Give(batch[i].Row, floats.Slice(i * stride, stride), columns);
        return true;
    }
}
