using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>The real disk with a capacity: writes past it fail, and what is deleted makes room.</summary>
internal sealed class SmallDisk : IStorageDevice
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _lengths = new(StringComparer.Ordinal);

    public long CapacityBytes { get; set; } = long.MaxValue;

    public long UsedBytes
    {
        get
        {
            lock (_lock)
                return _lengths.Values.Sum();
        }
    }

    public IStorageFile Create(string path)
    {
        var file = DiskDevice.Instance.Create(path);
        lock (_lock)
            _lengths[path] = 0;
        return new SmallFile(this, path, file);
    }

    public IStorageFile Open(string path, bool writable) =>
        new SmallFile(this, path, DiskDevice.Instance.Open(path, writable));

    public bool Exists(string path) => DiskDevice.Instance.Exists(path);

    public void Rename(string from, string to)
    {
        DiskDevice.Instance.Rename(from, to);
        lock (_lock)
        {
            _lengths[to] = _lengths[from];
            _lengths.Remove(from);
        }
    }

    public void Delete(string path)
    {
        DiskDevice.Instance.Delete(path);
        lock (_lock)
            _lengths.Remove(path);
    }

    public void SyncFolder(string folder) => DiskDevice.Instance.SyncFolder(folder);

    public IReadOnlyList<string> List(string folder) => DiskDevice.Instance.List(folder);

    private void Grow(string path, long length)
    {
        lock (_lock)
        {
            var before = _lengths.GetValueOrDefault(path);
            if (length <= before)
                return;

            if (length - before > CapacityBytes - _lengths.Values.Sum())
                throw new IOException("No space left on device");
            _lengths[path] = length;
        }
    }

    private sealed class SmallFile(SmallDisk disk, string path, IStorageFile file) : IStorageFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> target) => file.Read(offset, target);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            disk.Grow(path, offset + bytes.Length);
            file.Write(offset, bytes);
        }

        public void SetLength(long bytes)
        {
            disk.Grow(path, bytes);
            file.SetLength(bytes);
            lock (disk._lock)
                disk._lengths[path] = bytes;
        }

        public bool TryMapOver(nint address, long offset, long bytes) => file.TryMapOver(address, offset, bytes);

        public void Sync() => file.Sync();

        public void Dispose() => file.Dispose();
    }
}
