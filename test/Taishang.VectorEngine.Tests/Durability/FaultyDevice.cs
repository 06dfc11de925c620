using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>What goes wrong at a step.</summary>
public enum Fault
{
    /// <summary>The write fails, nothing of it is there.</summary>
    Write,

    /// <summary>Half of the write is there, then it fails.</summary>
    ShortWrite,

    /// <summary>The sync fails; what was written may or may not be on the disk.</summary>
    Sync,

    /// <summary>Everything that takes room fails until it is lifted.</summary>
    Full,
}

/// <summary>The real disk, until a chosen step: the n-th operation that changes something fails.</summary>
internal sealed class FaultyDevice : IStorageDevice
{
    private readonly Lock _lock = new();
    private int _steps;
    private int _failAt = int.MaxValue;
    private Fault _fault;

    /// <summary>Changing operations since the last <see cref="FailAt"/>.</summary>
    public int Steps
    {
        get
        {
            lock (_lock)
                return _steps;
        }
    }

    public bool HasFailed { get; private set; }

    /// <summary>Lets the step with this number (from 0) fail; a full disk stays full until
    /// <see cref="Heal"/>.</summary>
    public void FailAt(int step, Fault fault)
    {
        lock (_lock)
        {
            _steps = 0;
            _failAt = step;
            _fault = fault;
            HasFailed = false;
        }
    }

    public void Heal() => FailAt(int.MaxValue, Fault.Write);

    public IStorageFile Create(string path)
    {
        Step(isSync: false);
        return new FaultyFile(this, DiskDevice.Instance.Create(path));
    }

    public IStorageFile Open(string path, bool writable) =>
        new FaultyFile(this, DiskDevice.Instance.Open(path, writable));

    public bool Exists(string path) => DiskDevice.Instance.Exists(path);

    public void Rename(string from, string to)
    {
        Step(isSync: false);
        DiskDevice.Instance.Rename(from, to);
    }

    public void Delete(string path) => DiskDevice.Instance.Delete(path);

    public void SyncFolder(string folder) => Step(isSync: true);

    public IReadOnlyList<string> List(string folder) => DiskDevice.Instance.List(folder);

    /// <summary>Counts a step; throws when it is the one, and says how much of a write still happens.</summary>
    private double Step(bool isSync, bool isWrite = false)
    {
        lock (_lock)
        {
            var step = _steps++;
            var isDue = _fault == Fault.Full ? step >= _failAt && !isSync : step == _failAt;
            if (!isDue)
                return 1;

            HasFailed = true;
            if (isWrite && _fault == Fault.ShortWrite)
                return 0.5;

            throw new IOException($"injected {_fault} at step {step}");
        }
    }

    private sealed class FaultyFile(FaultyDevice device, IStorageFile file) : IStorageFile
    {
        public long Length => file.Length;

        public int Read(long offset, Span<byte> target) => file.Read(offset, target);

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            var share = device.Step(isSync: false, isWrite: true);
            file.Write(offset, bytes[..(int)(bytes.Length * share)]);
            if (share < 1)
                throw new IOException("injected short write");
        }

        public void SetLength(long bytes) => file.SetLength(bytes);

        public bool TryMapOver(nint address, long offset, long bytes) => file.TryMapOver(address, offset, bytes);

        public void Sync() => device.Step(isSync: true);

        public void Dispose() => file.Dispose();
    }
}
