using System.Runtime.InteropServices;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Taishang.Ai.Inference;
using Taishang.Contracts.Ai.V1;
using WireType = Taishang.Contracts.Ai.V1.TensorType;

namespace Taishang.Ai.Rpc;

/// <summary>
/// Tensors between the wire, which has floats, integers and texts, and the models, which have many widths of each.
/// What is narrower than the wire's types travels widened; double precision is rounded to single.
/// </summary>
internal static class Tensors
{
    public static InferenceTensor[] FromWire(RepeatedField<Tensor> tensors)
    {
        if (tensors.Count is 0 or > RpcLimits.TensorsMax)
            throw Invalid("tensors", $"1 to {RpcLimits.TensorsMax} tensors are expected, {tensors.Count} came");
        return [.. tensors.Select(FromWire)];
    }

    public static Tensor ToWire(InferenceTensor tensor)
    {
        var wire = new Tensor { Name = tensor.Name, Shape = { tensor.Shape }, Strings = { tensor.Texts } };
        var data = tensor.Data.Span;
        switch (tensor.Type)
        {
            case Inference.TensorType.Text:
                wire.Type = WireType.String;
                break;
            case Inference.TensorType.Float32:
                wire.Type = WireType.Float32;
                wire.Floats.AddRange(MemoryMarshal.Cast<byte, float>(data));
                break;
            case Inference.TensorType.Float64:
                wire.Type = WireType.Float32;
                foreach (var value in MemoryMarshal.Cast<byte, double>(data)) wire.Floats.Add((float)value);
                break;
            case Inference.TensorType.Float16:
                wire.Type = WireType.Float32;
                foreach (var value in MemoryMarshal.Cast<byte, Half>(data)) wire.Floats.Add((float)value);
                break;
            default:
                AddIntegers(wire, tensor.Type, data);
                break;
        }

        return wire;
    }

    private static InferenceTensor FromWire(Tensor tensor, int row)
    {
        var field = $"tensors[{row}]";
        if (tensor.Name.Length == 0) throw Invalid($"{field}.name", "a name is expected, none came");
        return tensor.Type switch
        {
            WireType.Float32 => Make(tensor, Inference.TensorType.Float32, Bytes(tensor.Floats)),
            WireType.Int64 => Make(tensor, Inference.TensorType.Int64, Bytes(tensor.Integers)),
            WireType.Int32 => Make(tensor, Inference.TensorType.Int32, Narrow(tensor, field)),
            WireType.Bool => Make(tensor, Inference.TensorType.Bool, Flags(tensor, field)),
            WireType.String => new InferenceTensor(
                tensor.Name, Inference.TensorType.Text, [.. tensor.Shape], default, [.. tensor.Strings]),
            _ => throw Invalid(
                $"{field}.type", $"FLOAT32, INT64, INT32, BOOL or STRING is expected, {tensor.Type} came"),
        };
    }

    private static InferenceTensor Make(Tensor tensor, Inference.TensorType type, byte[] data) =>
        new(tensor.Name, type, [.. tensor.Shape], data);

    private static byte[] Bytes<T>(RepeatedField<T> values)
        where T : unmanaged => MemoryMarshal.AsBytes(UnsafeCollectionOperations.AsSpan(values)).ToArray();

    private static byte[] Narrow(Tensor tensor, string field)
    {
        var values = new int[tensor.Integers.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (tensor.Integers[i] is < int.MinValue or > int.MaxValue)
                throw Invalid($"{field}.integers[{i}]", $"an int32 is expected, {tensor.Integers[i]} came");
            values[i] = (int)tensor.Integers[i];
        }

        return MemoryMarshal.AsBytes<int>(values).ToArray();
    }

    private static byte[] Flags(Tensor tensor, string field)
    {
        var values = new byte[tensor.Integers.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (tensor.Integers[i] is not (0 or 1))
                throw Invalid($"{field}.integers[{i}]", $"0 or 1 is expected, {tensor.Integers[i]} came");
            values[i] = (byte)tensor.Integers[i];
        }

        return values;
    }

    private static void AddIntegers(Tensor wire, Inference.TensorType type, ReadOnlySpan<byte> data)
    {
        wire.Type = type switch
        {
            Inference.TensorType.Bool => WireType.Bool,
            Inference.TensorType.Int64 => WireType.Int64,
            _ => WireType.Int32,
        };
        switch (type)
        {
            case Inference.TensorType.Int64:
                wire.Integers.AddRange(MemoryMarshal.Cast<byte, long>(data));
                break;
            case Inference.TensorType.Int32:
                foreach (var value in MemoryMarshal.Cast<byte, int>(data)) wire.Integers.Add(value);
                break;
            case Inference.TensorType.Int16:
                foreach (var value in MemoryMarshal.Cast<byte, short>(data)) wire.Integers.Add(value);
                break;
            case Inference.TensorType.Int8:
                foreach (var value in MemoryMarshal.Cast<byte, sbyte>(data)) wire.Integers.Add(value);
                break;
            default:
                foreach (var value in data) wire.Integers.Add(value);
                break;
        }
    }

    private static WorkerException Invalid(string field, string reason) =>
        new(ErrorCode.ModelInputInvalid, $"{field}: {reason}", field);
}
