using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests;

/// <summary>A temporary folder with a collection in it; gone at the end of the test.</summary>
internal sealed class EngineFolder : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("taishang-engine-").FullName;

    public string Path => System.IO.Path.Combine(_root, "collection");

    /// <summary>A place for something else of the test.</summary>
    public string Beside(string name) => System.IO.Path.Combine(_root, name);

    /// <summary>The collection opened last.</summary>
    public VectorCollection? Collection { get; private set; }

    /// <summary>The same, of however many shards.</summary>
    public IVectorCollection? Any { get; private set; }

    public VectorEngineOptions Engine { get; set; } = new() { BuildThreads = 2, SyncBeforeAcknowledge = false };

    public IStorageDevice Device { get; set; } = DiskDevice.Instance;

    public async Task<IVectorCollection> CreateAnyAsync(VectorCollectionOptions options) =>
        Any = await VectorCollections.CreateAsync(Path, options, Engine, Device, CancellationToken.None);

    public async Task<IVectorCollection> ReopenAnyAsync()
    {
        if (Any is not null)
            await Any.DisposeAsync();

        return Any = await VectorCollections.OpenAsync(Path, Engine, Device, CancellationToken.None);
    }

    public async Task<VectorCollection> CreateAsync(VectorCollectionOptions options) =>
        Collection = await VectorCollection.CreateAsync(Path, options, Engine, Device, CancellationToken.None);

    public async Task<VectorCollection> ReopenAsync()
    {
        if (Collection is not null)
            await Collection.DisposeAsync();

        return Collection = await VectorCollection.OpenAsync(Path, Engine, Device, CancellationToken.None);
    }

    /// <summary>Opens a copy of the folder as it lies on the disk now, after a change to it.</summary>
    public async Task<VectorCollection> OpenCopyAsync(string name, Action<string> change)
    {
        var copy = System.IO.Path.Combine(_root, name);
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.EnumerateFiles(Path))
            File.Copy(file, System.IO.Path.Combine(copy, System.IO.Path.GetFileName(file)));

        change(copy);
        return await VectorCollection.OpenAsync(copy, Engine, CancellationToken.None);
    }

    /// <summary>Where the last record of a log ends that is still open: zeros fill its last block up.</summary>
    public static long LogEnd(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        return (bytes.AsSpan().LastIndexOfAnyExcept((byte)0) + sizeof(long)) / sizeof(long) * sizeof(long);
    }

    public string FileNamed(string prefix) => Directory.EnumerateFiles(Path, prefix + "*").Order().Last();

    public async ValueTask DisposeAsync()
    {
        if (Collection is not null)
            await Collection.DisposeAsync();
        if (Any is not null)
            await Any.DisposeAsync();

        Directory.Delete(_root, recursive: true);
    }
}
