namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The disk as the engine sees it. It is an interface because what stands behind it is a device that fails: tests put
/// a full, short-writing or unsyncable one in its place. All failures are <see cref="IOException"/> or
/// <see cref="UnauthorizedAccessException"/>.
/// </summary>
internal interface IStorageDevice
{
    /// <summary>A new, empty file for writing; what stood there is gone.</summary>
    IStorageFile Create(string path);

    /// <summary>An existing file, for reading, or for writing too.</summary>
    IStorageFile Open(string path, bool writable);

    /// <summary>A new, empty file for a log: written in whole blocks of <see cref="DirectFiles.BlockBytes"/>, from
    /// page-aligned memory, and not read through what this returns.</summary>
    IStorageFile CreateLog(string path) => Create(path);

    /// <summary>An existing log, to be written on in the same way.</summary>
    IStorageFile OpenLog(string path) => Open(path, writable: true);

    bool Exists(string path);

    /// <summary>Replaces the target in one step.</summary>
    void Rename(string from, string to);

    void Delete(string path);

    /// <summary>Gives a file that never changes a second name, by which it outlives the first. False where that cannot
    /// be done: on another disk, or on one without links.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    bool TryLink(string from, string to) => false;

    /// <summary>Gives a folder its name; nothing stands there yet.</summary>
    void RenameFolder(string from, string to) => Directory.Move(from, to);

    /// <summary>Makes names created, renamed or deleted in a folder durable.</summary>
    void SyncFolder(string folder);

    /// <summary>Names of the files in a folder, without their path.</summary>
    IReadOnlyList<string> List(string folder);
}

/// <summary>One open file.</summary>
internal interface IStorageFile : IDisposable
{
    long Length { get; }

    /// <summary>Reads until the span is full or the file ends; returns the bytes read.</summary>
    int Read(long offset, Span<byte> target);

    void Write(long offset, ReadOnlySpan<byte> bytes);

    void SetLength(long bytes);

    /// <summary>Puts pages of the file, for reading only, in the place of pages of memory. They stay when the file is
    /// closed or deleted.</summary>
    /// <param name="address">Start of a page that the caller owns.</param>
    /// <param name="offset">In the file, a multiple of the page size.</param>
    /// <param name="bytes">Whole pages, inside the file.</param>
    /// <returns>False when that cannot be done here; nothing has changed then.</returns>
    bool TryMapOver(nint address, long offset, long bytes);

    /// <summary>Returns when everything written is on the disk.</summary>
    void Sync();
}
