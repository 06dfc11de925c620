using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// A disk in memory that forgets, when its power is cut, what was not synced: of a file any of the sectors written
/// since its last sync may be there or not, and any of the changes of names since the folder was synced.
/// </summary>
internal sealed class PowerCutDevice : IStorageDevice
{
    private const int SectorBytes = 512;

    private readonly Lock _lock = new();
    private readonly int _lastStep;
    private readonly List<Action<Dictionary<string, Node>>> _pendingNames = [];
    private Dictionary<string, Node> _durableNames;
    private readonly Dictionary<string, Node> _names;
    private int _steps;

    /// <summary>A disk with these files on it, all synced, whose power is cut after so many changes.</summary>
    public PowerCutDevice(IReadOnlyDictionary<string, byte[]> files, int lastStep)
    {
        _lastStep = lastStep;
        _names = files.ToDictionary(file => file.Key, file => new Node(file.Value));
        _durableNames = new(_names);
    }

    public bool IsDead
    {
        get
        {
            lock (_lock)
                return _steps > _lastStep;
        }
    }

    /// <summary>What a machine finds that starts again, by the dice.</summary>
    public Dictionary<string, byte[]> Cut(Random random)
    {
        lock (_lock)
        {
            var names = new Dictionary<string, Node>(_durableNames);
            var luck = Luck(random);
            foreach (var change in _pendingNames.Where(_ => random.NextDouble() < luck))
                change(names);
            return names.ToDictionary(file => file.Key, file => file.Value.Surviving(random));
        }
    }

    public IStorageFile Create(string path)
    {
        lock (_lock)
        {
            Step();
            if (_names.TryGetValue(path, out var there))
            {
                there.SetLength(0);
                return new CutFile(this, there);
            }

            var node = new Node([]);
            Rename(names => names[path] = node);
            return new CutFile(this, node);
        }
    }

    public IStorageFile Open(string path, bool writable)
    {
        lock (_lock)
        {
            return _names.TryGetValue(path, out var node)
                ? new CutFile(this, node)
                : throw new FileNotFoundException($"there is no {path}");
        }
    }

    public bool Exists(string path)
    {
        lock (_lock)
            return _names.ContainsKey(path);
    }

    public void Rename(string from, string to)
    {
        lock (_lock)
        {
            Step();
            Rename(names =>
            {
                if (names.Remove(from, out var node))
                    names[to] = node;
            });
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Step();
            Rename(names => names.Remove(path));
        }
    }

    public void SyncFolder(string folder)
    {
        lock (_lock)
        {
            Step();
            _durableNames = new(_names);
            _pendingNames.Clear();
        }
    }

    public IReadOnlyList<string> List(string folder)
    {
        lock (_lock)
            return [.. _names.Keys.Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
    }

    /// <summary>All is there, nothing, or each by chance.</summary>
    private static double Luck(Random random) => random.Next(3) switch { 0 => 0, 1 => 1, _ => 0.5 };

    private void Rename(Action<Dictionary<string, Node>> change)
    {
        change(_names);
        _pendingNames.Add(change);
    }

    private void Step()
    {
        if (++_steps > _lastStep)
            throw new IOException("the power was cut");
    }

    /// <summary>The content of a file: as it is, as it was synced, and what happened between.</summary>
    private sealed class Node(byte[] durable)
    {
        private readonly List<(long Offset, byte[]? Bytes)> _pending = [];
        private byte[] _durable = durable;
        private byte[] _now = durable;

        public byte[] Now => _now;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            _pending.Add((offset, bytes.ToArray()));
            _now = Written(_now, offset, bytes);
        }

        public void SetLength(long bytes)
        {
            _pending.Add((bytes, null));
            _now = Resized(_now, bytes);
        }

        public void Sync()
        {
            _durable = _now;
            _pending.Clear();
        }

        public byte[] Surviving(Random random)
        {
            var luck = Luck(random);
            var content = _durable;
            foreach (var (offset, bytes) in _pending)
            {
                if (bytes is null)
                {
                    if (random.NextDouble() < luck)
                        content = Resized(content, offset);
                    continue;
                }

                for (var at = offset; at < offset + bytes.Length;)
                {
                    var end = Math.Min((at / SectorBytes + 1) * SectorBytes, offset + bytes.Length);
                    if (random.NextDouble() < luck)
                        content = Written(content, at, bytes.AsSpan((int)(at - offset), (int)(end - at)));
                    at = end;
                }
            }

            return content;
        }

        private static byte[] Written(byte[] content, long offset, ReadOnlySpan<byte> bytes)
        {
            var longer = Resized(content, Math.Max(content.Length, offset + bytes.Length));
            bytes.CopyTo(longer.AsSpan((int)offset));
            return longer;
        }

        /// <summary>Always a copy: what others hold does not change.</summary>
        private static byte[] Resized(byte[] content, long bytes)
        {
            var other = new byte[bytes];
            content.AsSpan(0, (int)Math.Min(content.Length, bytes)).CopyTo(other);
            return other;
        }
    }

    private sealed class CutFile(PowerCutDevice device, Node node) : IStorageFile
    {
        public long Length
        {
            get
            {
                lock (device._lock)
                    return node.Now.Length;
            }
        }

        public int Read(long offset, Span<byte> target)
        {
            lock (device._lock)
            {
                var read = (int)Math.Clamp(node.Now.Length - offset, 0, target.Length);
                node.Now.AsSpan((int)Math.Min(offset, node.Now.Length), read).CopyTo(target);
                return read;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (device._lock)
            {
                device.Step();
                node.Write(offset, bytes);
            }
        }

        public void SetLength(long bytes)
        {
            lock (device._lock)
            {
                device.Step();
                node.SetLength(bytes);
            }
        }

        public bool TryMapOver(nint address, long offset, long bytes) => false;

        public void Sync()
        {
            lock (device._lock)
            {
                device.Step();
                node.Sync();
            }
        }

        public void Dispose()
        {
        }
    }
}
