using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Storage;

/// <summary>The real disk on a system that maps no files, or has no maps left to give.</summary>
internal sealed class UnmappableDevice : IStorageDevice
{
    public IStorageFile Create(string path) => new UnmappableFile(DiskDevice.Instance.Create(path));

    public IStorageFile Open(string path, bool writable) =>
        new UnmappableFile(DiskDevice.Instance.Open(path, writable));

    public bool Exists(string path) => DiskDevice.Instance.Exists(path);

    public void Rename(string from, string to) => DiskDevice.Instance.Rename(from, to);

    public void Delete(string path) => DiskDevice.Instance.Delete(path);

    public void SyncFolder(string folder) => DiskDevice.Instance.SyncFolder(folder);

    public IReadOnlyList<string> List(string folder) => DiskDevice.Instance.List(folder);

    private sealed class UnmappableFile(IStorageFile file) : IStorageFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> target) => file.Read(offset, target);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, bytes);

        public void SetLength(long bytes) => file.SetLength(bytes);

        public bool TryMapOver(nint address, long offset, long bytes) => false;

        public void Sync() => file.Sync();

        public void Dispose() => file.Dispose();
    }
}
