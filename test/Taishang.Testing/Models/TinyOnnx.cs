using System.Runtime.InteropServices;
using System.Text;

namespace Taishang.Testing.Models;

/// <summary>
/// Writes ONNX files byte by byte, so that the provider is tested and measured on a bare checkout. Only what that needs
/// of the format: tables of floats and whole numbers, operators with attributes of whole numbers, tensors of fixed or
/// free sizes.
/// </summary>
public sealed class TinyOnnx
{
    public const int Float = 1;
    public const int Int32 = 6;
    public const int Int64 = 7;

    private const int IrVersion = 7;
    private const int OperatorSet = 12;
    private readonly MemoryStream _graph = new();

    public TinyOnnx() => Text(_graph, 2, "tiny");

    public TinyOnnx Node(string operation, string[] inputs, string output, string attribute = "", params long[] values)
    {
        using var node = new MemoryStream();
        foreach (string input in inputs) Text(node, 1, input);
        Text(node, 2, output);
        Text(node, 4, operation);
        if (attribute.Length > 0)
        {
            // These are lists of whole numbers; the others used here are single ones.
            bool list = attribute is "axes" or "perm";
            using var body = new MemoryStream();
            Text(body, 1, attribute);
            foreach (long value in values) Number(body, list ? 8 : 3, value);
            Number(body, 20, list ? 7 : 2);
            Part(node, 5, body);
        }
        Part(_graph, 1, node);
        return this;
    }

    public TinyOnnx Table(string name, int rows, int columns, float[] values) => Floats(name, [rows, columns], values);

    /// <summary>A constant of any shape; none is a scalar.</summary>
    public TinyOnnx Floats(string name, long[] shape, float[] values) =>
        Constant(name, Float, shape, MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>A constant of floats that lies in a file beside the model's, or where the location leads.</summary>
    public TinyOnnx ExternalFloats(string name, long[] shape, string location)
    {
        using MemoryStream tensor = ExternalTensor(name, shape, location);
        Part(_graph, 5, tensor);
        return this;
    }

    /// <summary>The same as the value of a node.</summary>
    public TinyOnnx ExternalConstant(string output, long[] shape, string location)
    {
        using MemoryStream tensor = ExternalTensor("value", shape, location);
        using var attribute = new MemoryStream();
        Text(attribute, 1, "value");
        Part(attribute, 5, tensor);
        Number(attribute, 20, 4);
        using var node = new MemoryStream();
        Text(node, 2, output);
        Text(node, 4, "Constant");
        Part(node, 5, attribute);
        Part(_graph, 1, node);
        return this;
    }

    /// <summary>A constant list of whole numbers, such as the shape that something is brought into.</summary>
    public TinyOnnx Wholes(string name, params long[] values) =>
        Constant(name, Int64, [values.Length], MemoryMarshal.AsBytes(values.AsSpan()));

    public TinyOnnx Input(string name, int type, params long[] shape) => Value(11, name, type, shape);

    public TinyOnnx Output(string name, int type, params long[] shape) => Value(12, name, type, shape);

    public byte[] ToBytes()
    {
        using var operators = new MemoryStream();
        Text(operators, 1, "");
        Number(operators, 2, OperatorSet);
        using var model = new MemoryStream();
        Number(model, 1, IrVersion);
        Part(model, 7, _graph);
        Part(model, 8, operators);
        return model.ToArray();
    }

    private static MemoryStream ExternalTensor(string name, long[] shape, string location)
    {
        using var entry = new MemoryStream();
        Text(entry, 1, "location");
        Text(entry, 2, location);
        var tensor = new MemoryStream();
        foreach (long size in shape) Number(tensor, 1, size);
        Number(tensor, 2, Float);
        Text(tensor, 8, name);
        Part(tensor, 13, entry);
        Number(tensor, 14, 1);
        return tensor;
    }

    private TinyOnnx Constant(string name, int type, long[] shape, ReadOnlySpan<byte> values)
    {
        using var tensor = new MemoryStream();
        foreach (long size in shape) Number(tensor, 1, size);
        Number(tensor, 2, type);
        Text(tensor, 8, name);
        Bytes(tensor, 9, values);
        Part(_graph, 5, tensor);
        return this;
    }

    // A size below 0 is free.
    private TinyOnnx Value(int field, string name, int type, long[] shape)
    {
        using var sizes = new MemoryStream();
        for (int axis = 0; axis < shape.Length; axis++)
        {
            using var size = new MemoryStream();
            if (shape[axis] < 0) Text(size, 2, $"{name}_{axis}");
            else Number(size, 1, shape[axis]);
            Part(sizes, 1, size);
        }
        using var tensor = new MemoryStream();
        Number(tensor, 1, type);
        Part(tensor, 2, sizes);
        using var kind = new MemoryStream();
        Part(kind, 1, tensor);
        using var value = new MemoryStream();
        Text(value, 1, name);
        Part(value, 2, kind);
        Part(_graph, field, value);
        return this;
    }

    private static void Part(MemoryStream target, int field, MemoryStream part) => Bytes(target, field, part.ToArray());

    private static void Text(MemoryStream target, int field, string text) =>
        Bytes(target, field, Encoding.UTF8.GetBytes(text));

    private static void Bytes(MemoryStream target, int field, ReadOnlySpan<byte> bytes)
    {
        Varint(target, (ulong)field << 3 | 2);
        Varint(target, (ulong)bytes.Length);
        target.Write(bytes);
    }

    private static void Number(MemoryStream target, int field, long value)
    {
        Varint(target, (ulong)field << 3);
        Varint(target, (ulong)value);
    }

    private static void Varint(MemoryStream target, ulong value)
    {
        for (; value >= 0x80; value >>= 7) target.WriteByte((byte)(value | 0x80));
        target.WriteByte((byte)value);
    }
}
