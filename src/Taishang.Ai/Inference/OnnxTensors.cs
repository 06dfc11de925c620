using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// Turns tensors of the wire into the runtime's and back, and refuses those that do not fit the model.
/// </summary>
internal static class OnnxTensors
{
    /// <summary>Elements of one tensor, in or out.</summary>
    public const long MaxElements = 64L << 20;

    private const int MaxRank = 16;

    /// <summary>Describes an input or output; throws for those that are not tensors of a type known here.</summary>
    public static TensorDescription Describe(string name, NodeMetadata metadata)
    {
        if (!metadata.IsTensor || TypeOf(metadata.ElementDataType) is not { } type)
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"model: '{name}' of type {metadata.OnnxValueType} {metadata.ElementDataType} is not supported.");
        }
        return new TensorDescription(name, type, [.. metadata.Dimensions.Select(size => (long)size)]);
    }

    /// <summary>Makes the runtime's value of an input after checking it against what the model declares.</summary>
    /// <exception cref="ModelException">Of kind InvalidInput; the message names the input and what was
    /// expected.</exception>
    public static OrtValue ToValue(InferenceTensor tensor, TensorDescription expected)
    {
        long count = CheckShape(tensor, expected);
        if (tensor.Type == TensorType.Text) return TextValue(tensor, count);
        long bytes = count * InferenceTensor.BytesOf(tensor.Type);
        if (tensor.Data.Length != bytes)
            throw Refused(tensor, $"{bytes} bytes are expected for its shape, {tensor.Data.Length} came");
        long[] shape = [.. tensor.Shape];
        ReadOnlySpan<byte> data = tensor.Data.Span;
        return tensor.Type switch
        {
            TensorType.Float32 => Value<float>(data, shape),
            TensorType.Float64 => Value<double>(data, shape),
            TensorType.Float16 => Value<Float16>(data, shape),
            TensorType.Int8 => Value<sbyte>(data, shape),
            TensorType.Int16 => Value<short>(data, shape),
            TensorType.Int32 => Value<int>(data, shape),
            TensorType.Int64 => Value<long>(data, shape),
            TensorType.UInt8 => Value<byte>(data, shape),
            _ => BoolValue(tensor, data, shape),
        };
    }

    /// <summary>Copies an output out of the runtime's memory.</summary>
    /// <exception cref="ModelException">Of kind RunFailed, if the output is no tensor or too large.</exception>
    public static InferenceTensor FromValue(string name, OrtValue value)
    {
        if (!value.IsTensor)
            throw new ModelException(ModelErrorKind.RunFailed, $"The model's output '{name}' is not a tensor.");
        OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
        if (TypeOf(info.ElementDataType) is not { } type || info.ElementCount > MaxElements)
        {
            throw new ModelException(ModelErrorKind.RunFailed,
                $"The model's output '{name}' has {info.ElementCount} elements of {info.ElementDataType}; "
                + $"at most {MaxElements} of a known type can be given.");
        }
        if (type == TensorType.Text)
            return new InferenceTensor(name, type, info.Shape, default, value.GetStringTensorAsArray());
        byte[] data = type switch
        {
            TensorType.Float32 => Bytes<float>(value),
            TensorType.Float64 => Bytes<double>(value),
            TensorType.Float16 => Bytes<Float16>(value),
            TensorType.Int8 => Bytes<sbyte>(value),
            TensorType.Int16 => Bytes<short>(value),
            TensorType.Int32 => Bytes<int>(value),
            TensorType.Int64 => Bytes<long>(value),
            TensorType.UInt8 => Bytes<byte>(value),
            _ => Bytes<bool>(value),
        };
        return new InferenceTensor(name, type, info.Shape, data);
    }

    private static TensorType? TypeOf(TensorElementType type) => type switch
    {
        TensorElementType.Float => TensorType.Float32,
        TensorElementType.Double => TensorType.Float64,
        TensorElementType.Float16 => TensorType.Float16,
        TensorElementType.Int8 => TensorType.Int8,
        TensorElementType.Int16 => TensorType.Int16,
        TensorElementType.Int32 => TensorType.Int32,
        TensorElementType.Int64 => TensorType.Int64,
        TensorElementType.UInt8 => TensorType.UInt8,
        TensorElementType.Bool => TensorType.Bool,
        TensorElementType.String => TensorType.Text,
        _ => null,
    };

    private static long CheckShape(InferenceTensor tensor, TensorDescription expected)
    {
        if (tensor.Type != expected.Type)
            throw Refused(tensor, $"type {expected.Type} is expected, {tensor.Type} came");
        bool fits = tensor.Shape.Count == expected.Shape.Count && tensor.Shape.Count <= MaxRank;
        long count = 1;
        for (int axis = 0; fits && axis < tensor.Shape.Count; axis++)
        {
            long size = tensor.Shape[axis];
            fits = size >= 1 && (expected.Shape[axis] < 0 || expected.Shape[axis] == size);
            if (!fits) break;
            if (size > MaxElements / count) throw Refused(tensor, $"at most {MaxElements} elements are taken");
            count *= size;
        }
        if (fits) return count;
        string wanted = string.Join(", ", expected.Shape.Select(size => size < 0 ? "any" : size.ToString()));
        throw Refused(tensor, $"shape [{wanted}] is expected, [{string.Join(", ", tensor.Shape)}] came");
    }

    private static OrtValue TextValue(InferenceTensor tensor, long count)
    {
        if (tensor.Texts.Count != count)
            throw Refused(tensor, $"{count} texts are expected for its shape, {tensor.Texts.Count} came");
        OrtValue value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, [.. tensor.Shape]);
        for (int i = 0; i < tensor.Texts.Count; i++) value.StringTensorSetElementAt(tensor.Texts[i].AsSpan(), i);
        return value;
    }

    private static OrtValue BoolValue(InferenceTensor tensor, ReadOnlySpan<byte> data, long[] shape)
    {
        // A byte other than 0 and 1 is not a bool to .NET, and what native code makes of it is anyone's guess.
        if (data.ContainsAnyExceptInRange((byte)0, (byte)1)) throw Refused(tensor, "bytes of 0 or 1 are expected");
        return Value<bool>(data, shape);
    }

    private static OrtValue Value<T>(ReadOnlySpan<byte> data, long[] shape)
        where T : unmanaged => OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, T>(data).ToArray(), shape);

    private static byte[] Bytes<T>(OrtValue value)
        where T : unmanaged => MemoryMarshal.AsBytes(value.GetTensorDataAsSpan<T>()).ToArray();

    private static ModelException Refused(InferenceTensor tensor, string reason) =>
        new(ModelErrorKind.InvalidInput, $"inputs.{tensor.Name}: {reason}.");
}
