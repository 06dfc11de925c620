using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// A disk in memory that forgets, when its power is cut, what was not synced: of a file any of the sectors written
/// since its last sync may be there or not, and any of the changes of names since the folder was synced. Before that,
/// some changes in a row can be made to fail.
/// </summary>
internal sealed class PowerCutDevice : IStorageDevice
{
    private const int SectorBytes = 512;

    private readonly Lock _lock = new();
    private readonly int _lastStep;
    private readonly List<NameChange> _pendingNames = [];
    private readonly Dictionary<string, Node> _durableNames;
    private readonly Dictionary<string, Node> _names;
    private int _steps;
    private int _failFrom = int.MaxValue;
    private int _failures;

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

    /// <summary>Lets changes fail from the one with this number on, counted from now, so many of them. One that fails
    /// has no effect; a sync that fails leaves open what of the changes before it is on the disk.</summary>
    public void FailFrom(int step, int failures)
    {
        lock (_lock)
            (_failFrom, _failures) = (_steps + step, failures);
    }

    /// <summary>Whether all that was to fail has.</summary>
    public bool HasFailedEnough
    {
        get
        {
            lock (_lock)
                return _steps >= _failFrom + _failures;
        }
    }

    /// <summary>What a machine finds that starts again, by the dice.</summary>
    public Dictionary<string, byte[]> Cut(Random random)
    {
        lock (_lock)
        {
            var names = new Dictionary<string, Node>(_durableNames);
            var luck = Luck(random);
            foreach (var pending in _pendingNames.Where(_ => random.NextDouble() < luck))
                pending.Change(names);
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
            Rename(path, names => names[path] = node);
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
            if (!_names.TryGetValue(from, out var node))
                throw new FileNotFoundException($"there is no {from}");

            // The name goes to the file that bore the other one then, whatever is kept of the changes before.
            Rename(from, names =>
            {
                names.Remove(from);
                names[to] = node;
            });
        }
    }

    public void Delete(string path)
    {
        lock (_lock)
        {
            Step();
            Rename(path, names => names.Remove(path));
        }
    }

    public void SyncFolder(string folder)
    {
        lock (_lock)
        {
            Step();
            foreach (var pending in _pendingNames.Where(pending => pending.Folder == folder))
                pending.Change(_durableNames);
            _pendingNames.RemoveAll(pending => pending.Folder == folder);
        }
    }

    public IReadOnlyList<string> List(string folder)
    {
        lock (_lock)
        {
            return
            [
                .. _names.Keys.Where(path => Path.GetDirectoryName(path) == folder)
                    .Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal),
            ];
        }
    }

    /// <summary>All is there, nothing, or each by chance.</summary>
    private static double Luck(Random random) => random.Next(3) switch { 0 => 0, 1 => 1, _ => 0.5 };

    /// <summary>Both names of a change lie in one folder.</summary>
    private void Rename(string path, Action<Dictionary<string, Node>> change)
    {
        change(_names);
        _pendingNames.Add(new NameChange(Path.GetDirectoryName(path)!, change));
    }

    private void Step()
    {
        var step = _steps++;
        if (_steps > _lastStep)
            throw new IOException("the power was cut");
        if (step >= _failFrom && step - _failFrom < _failures)
            throw new IOException($"injected failure of step {step}");
    }

    private sealed record NameChange(string Folder, Action<Dictionary<string, Node>> Change);

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

        /// <summary>A sector is written as a whole and holds all that was written into it until then: of the changes
        /// to one some of the first may be there, never a later one without those before it.</summary>
        public byte[] Surviving(Random random)
        {
            var luck = Luck(random);
            var writes = _pending.Where(change => change.Bytes is not null)
                .SelectMany(change => Pieces(change.Offset, change.Bytes!))
                .CountBy(piece => piece.Start / SectorBytes);
            var left = writes.ToDictionary(
                sector => sector.Key,
                sector => luck switch { 0 => 0, 1 => sector.Value, _ => random.Next(sector.Value + 1) });
            var content = _durable;
            foreach (var (offset, bytes) in _pending)
            {
                if (bytes is null)
                {
                    if (random.NextDouble() < luck)
                        content = Resized(content, offset);
                    continue;
                }

                foreach (var (start, end) in Pieces(offset, bytes))
                {
                    if (left[start / SectorBytes]-- > 0)
                        content = Written(content, start, bytes.AsSpan((int)(start - offset), (int)(end - start)));
                }
            }

            return content;
        }

        /// <summary>A write, cut where sectors end.</summary>
        private static IEnumerable<(long Start, long End)> Pieces(long offset, byte[] bytes)
        {
            for (var at = offset; at < offset + bytes.Length;)
            {
                var end = Math.Min((at / SectorBytes + 1) * SectorBytes, offset + bytes.Length);
                yield return (at, end);
                at = end;
            }
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
