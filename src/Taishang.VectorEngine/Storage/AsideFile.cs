namespace Taishang.VectorEngine.Storage;

/// <summary>
/// A file that is written aside and put in place in one step: until <see cref="Commit"/> has returned, nothing under
/// the final name has changed; after it, the file and its name are on the disk. Disposing without a commit removes what
/// was written aside.
/// </summary>
internal sealed class AsideFile : IDisposable
{
    public const string Suffix = ".tmp";

    private readonly IStorageDevice _device;
    private readonly IStorageFile _file;
    private readonly string _path;
    private bool _committed;

    public AsideFile(IStorageDevice device, string path)
    {
        _device = device;
        _path = path;
        _file = device.Create(path + Suffix);
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes) => _file.Write(offset, bytes);

    public void Commit()
    {
        _file.Sync();
        _file.Dispose();
        _device.Rename(_path + Suffix, _path);
        _committed = true;
        _device.SyncFolder(Path.GetDirectoryName(_path) ?? ".");
    }

    public void Dispose()
    {
        _file.Dispose();
        if (_committed)
            return;

        try
        {
            _device.Delete(_path + Suffix);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is left aside is ignored by every reader and removed at the next opening.
        }
    }
}
