namespace Taishang.Ai.Inference;

/// <summary>Type of a tensor's elements.</summary>
internal enum TensorType
{
    Float32,
    Float64,
    Float16,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    Bool,
    Text,
}

/// <summary>
/// A named tensor as it travels: elements in row-major order, numbers as little-endian bytes in
/// <paramref name="Data"/>, texts in <paramref name="Texts"/>.
/// </summary>
/// <param name="Name">Name of the model's input or output.</param>
/// <param name="Type">Type of the elements.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Data">The bytes of the elements; empty for texts.</param>
/// <param name="Texts">The elements of a text tensor; empty for numbers.</param>
internal sealed record InferenceTensor(
    string Name, TensorType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data, IReadOnlyList<string> Texts)
{
    /// <summary>A tensor of numbers.</summary>
    public InferenceTensor(string name, TensorType type, IReadOnlyList<long> shape, ReadOnlyMemory<byte> data)
        : this(name, type, shape, data, [])
    {
    }

    /// <summary>Bytes of one element; 0 for texts, which have no fixed size.</summary>
    public static int BytesOf(TensorType type) => type switch
    {
        TensorType.Float64 or TensorType.Int64 => 8,
        TensorType.Float32 or TensorType.Int32 => 4,
        TensorType.Float16 or TensorType.Int16 => 2,
        TensorType.Text => 0,
        _ => 1,
    };
}

/// <summary>An input or output that a model declares.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Type of its elements.</param>
/// <param name="Shape">Its sizes; -1 where any size is taken.</param>
internal sealed record TensorDescription(string Name, TensorType Type, IReadOnlyList<long> Shape);
