namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Room that a collection keeps back, so that deletes can still be written when the disk is full: without it a full
/// disk could never be emptied through the collection. A delete that finds no room gives it up and tries again; writes
/// that take room are refused until it is there again. One caller at a time.
/// </summary>
internal sealed class SpareFile(IStorageDevice device, string folder, bool sync)
{
    public const string Name = "spare";

    /// <summary>Content that no file system keeps in less room.</summary>
    private const int Seed = 1;

    private readonly string _path = Path.Combine(folder, Name);
    private bool _isThere = device.Exists(Path.Combine(folder, Name));

    /// <summary>Makes it unless it is there.</summary>
    /// <exception cref="IOException">There is no room for it.</exception>
    public void Require()
    {
        if (_isThere)
            return;

        var content = new byte[Limits.SpareBytes];
        new Random(Seed).NextBytes(content);
        try
        {
            using var file = device.Create(_path);
            file.Write(0, content);
            // Some file systems find out only now that they have no room.
            if (sync)
                file.Sync();
        }
        catch
        {
            TryDelete();
            throw;
        }

        _isThere = true;
    }

    /// <summary>Frees the room; false when there is none to free.</summary>
    public bool TryGiveUp()
    {
        if (!_isThere)
            return false;

        _isThere = false;
        return TryDelete();
    }

    private bool TryDelete()
    {
        try
        {
            device.Delete(_path);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
