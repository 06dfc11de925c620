using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Taishang.Ai.Rpc;

/// <summary>
/// Floats of a message as memory, without copying them. The message must not change while the memory is in use; it is
/// the call's own, so it does not.
/// </summary>
internal sealed class RepeatedFloats(RepeatedField<float> field) : MemoryManager<float>
{
    public static ReadOnlyMemory<float> AsMemory(RepeatedField<float> field) =>
        field.Count == 0 ? default : new RepeatedFloats(field).Memory;

    public override Span<float> GetSpan() => UnsafeCollectionOperations.AsSpan(field);

    /// <exception cref="NotSupportedException">Always: nothing here hands pointers on.</exception>
    public override MemoryHandle Pin(int elementIndex = 0) =>
        throw new NotSupportedException("floats of a message are not pinned");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
