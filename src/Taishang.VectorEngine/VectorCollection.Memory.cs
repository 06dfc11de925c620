using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>What a collection takes, for who decides which ones are open.</summary>
public sealed partial class VectorCollection
{
    /// <summary>Bytes of vectors, links and ids that only memory holds, estimated.</summary>
    public long MemoryBytes
    {
        get
        {
            ThrowIfDisposed();
            var snapshot = _state.Acquire();
            try
            {
                return snapshot.Generation.MemoryBytes;
            }
            finally
            {
                snapshot.Generation.Release();
            }
        }
    }

    /// <summary>What opening the collection in a folder will take, estimated from the lengths of its files.</summary>
    /// <exception cref="FileNotFoundException">The folder holds no collection.</exception>
    /// <exception cref="CorruptDataException">Its manifest is damaged.</exception>
    public static long EstimateOpenBytes(string folder)
    {
        var device = DiskDevice.Instance;
        return MemoryNeeds.ToOpen(device, folder, Manifest.Load(device, folder));
    }
}
