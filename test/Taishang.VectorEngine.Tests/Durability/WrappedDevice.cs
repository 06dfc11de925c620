using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>The real disk with something before each change to it. It never really syncs: what a test kills is a disk
/// that it plays, not the machine.</summary>
internal abstract class WrappedDevice : IStorageDevice
{
    public IStorageFile Create(string path)
    {
        BeforeCreate(path);
        return new WrappedFile(this, path, DiskDevice.Instance.Create(path));
    }

    public IStorageFile Open(string path, bool writable) =>
        new WrappedFile(this, path, DiskDevice.Instance.Open(path, writable));

    public bool Exists(string path) => DiskDevice.Instance.Exists(path);

    public void Rename(string from, string to)
    {
        BeforeRename(from, to);
        DiskDevice.Instance.Rename(from, to);
    }

    public void Delete(string path)
    {
        BeforeDelete(path);
        DiskDevice.Instance.Delete(path);
    }

    public void SyncFolder(string folder) => BeforeSync(folder);

    public IReadOnlyList<string> List(string folder) => DiskDevice.Instance.List(folder);

    protected virtual void BeforeCreate(string path)
    {
    }

    /// <summary>How many of the bytes still reach the file; when not all do, the write fails after them.</summary>
    protected virtual int BeforeWrite(string path, long offset, int bytes) => bytes;

    protected virtual void BeforeSetLength(string path, long bytes)
    {
    }

    protected virtual void BeforeSync(string path)
    {
    }

    protected virtual void BeforeRename(string from, string to)
    {
    }

    protected virtual void BeforeDelete(string path)
    {
    }

    private sealed class WrappedFile(WrappedDevice device, string path, IStorageFile file) : IStorageFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> target) => file.Read(offset, target);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            var taken = device.BeforeWrite(path, offset, bytes.Length);
            file.Write(offset, bytes[..taken]);
            if (taken < bytes.Length)
                throw new IOException($"{taken} of {bytes.Length} bytes were written");
        }

        public void SetLength(long bytes)
        {
            device.BeforeSetLength(path, bytes);
            file.SetLength(bytes);
        }

        public bool TryMapOver(nint address, long offset, long bytes) => file.TryMapOver(address, offset, bytes);

        public void Sync() => device.BeforeSync(path);

        public void Dispose() => file.Dispose();
    }
}
