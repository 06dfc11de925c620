using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Inference;

namespace Taishang.Bench.Onnx;

/// <summary>One batch, packed and ready to run.</summary>
/// <param name="Values">Inputs by name; owned.</param>
/// <param name="Texts">Texts in it.</param>
internal sealed record NamedOnnxInputs(IReadOnlyDictionary<string, OrtValue> Values, int Texts) : IDisposable
{
    public static NamedOnnxInputs Pack(List<QueuedText> batch)
    {
        int length = batch.Max(text => text.Ids.Length);
        long[] ids = new long[batch.Count * length];
        long[] mask = new long[batch.Count * length];
        for (int i = 0; i < batch.Count; i++)
        {
            batch[i].Ids.CopyTo(ids, i * length);
            Array.Fill(mask, 1, i * length, batch[i].Ids.Length);
        }
        long[] shape = [batch.Count, length];
        return new NamedOnnxInputs(
            new Dictionary<string, OrtValue>
            {
                ["input_ids"] = OrtValue.CreateTensorValueFromMemory(ids, shape),
                ["attention_mask"] = OrtValue.CreateTensorValueFromMemory(mask, shape),
            },
            batch.Count);
    }

    public void Dispose()
    {
        foreach (OrtValue value in Values.Values) value.Dispose();
    }
}
