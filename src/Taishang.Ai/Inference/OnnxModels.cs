using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// The ONNX files that are loaded: each content once, shared by embedding and inference, within a budget of memory. A
/// content that was registered is served from memory whatever becomes of the disk, and never loaded from a file that
/// has another; without a registered one, what lies there is meant, and a file that is replaced is another model,
/// while calls that run go on with the old.
/// </summary>
internal sealed class OnnxModels(ModelOptions options) : IDisposable
{
    private const string DefaultFile = "model.onnx";
    private const int OpenAttempts = 5;

    // Idle embedding and inference models are of one file; with room for both kinds, neither keeps the other out.
    private readonly ModelCache<OnnxFile, OnnxModel> _cache =
        new(options.MaxLoadedModels * 2, options.ModelMemoryBudget);

    private readonly OnnxContent _content = new(new ModelFolder(options.ModelsFolder));

    /// <summary>Files that are loaded.</summary>
    public int LoadedCount => _cache.Count;

    /// <summary>Bytes of the files that are loaded, their weights included.</summary>
    public long LoadedBytes => _cache.Bytes;

    /// <summary>The folder that all files are read from.</summary>
    public ModelFolder Folder { get; } = new(options.ModelsFolder);

    /// <summary>Size and time of the file that a reference means and of its weights; empty where a registered content
    /// is meant.</summary>
    /// <exception cref="ModelException">One is not there, or leads out of the folder.</exception>
    public string StateOf(ModelReference reference, ModelConfig config) =>
        reference.Checksum.Length > 0 ? "" : _content.StateOf(config.ModelName, NameOf(config));

    /// <summary>The file that a reference means now: file (default model.onnx) and threads of its
    /// configuration.</summary>
    /// <exception cref="ModelException">It is not there, or leads out of the folder.</exception>
    public async ValueTask<OnnxFile> FindAsync(
        ModelReference reference, ModelConfig config, CancellationToken cancellationToken)
    {
        int threads = config.Number("threads", 0, 256) ?? options.Threads;
        var file = new OnnxFile(config.ModelName, NameOf(config), threads, reference.Checksum.ToLowerInvariant());
        if (file.Checksum.Length > 0) return file;
        return file with
        {
            Checksum = await _content.KnownChecksumOfAsync(file.Model, file.Name, cancellationToken),
        };
    }

    /// <summary>Finds and borrows the file that a reference means. One that is replaced meanwhile is looked for again
    /// where nothing was registered: any of the two is meant then.</summary>
    /// <exception cref="ModelException">As <see cref="FindAsync"/> and <see cref="AcquireAsync"/>.</exception>
    public async Task<(OnnxFile File, ModelLease<OnnxModel> Lease)> OpenAsync(
        ModelReference reference, ModelConfig config, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            string state = StateOf(reference, config);
            OnnxFile file = await FindAsync(reference, config, cancellationToken);
            try
            {
                return (file, await AcquireAsync(file, cancellationToken));
            }
            catch (ModelException failure) when (
                attempt < OpenAttempts && (failure.IsOvertaken || StateOf(reference, config) != state))
            {
                // Another file lies there now, or did so before this call: a load that others began is shared.
            }
        }
    }

    /// <summary>Borrows a file, loading it if needed.</summary>
    /// <exception cref="ModelException">It is not there, has another content than is meant, or can not be
    /// loaded.</exception>
    public ValueTask<ModelLease<OnnxModel>> AcquireAsync(OnnxFile file, CancellationToken cancellationToken) =>
        // Only a load needs to know how much room it takes, and only a load looks at the disk.
        _cache.AcquireAsync(
            file, token => LoadAsync(file, token), cancellationToken, () => _content.BytesOf(file.Model, file.Name));

    /// <summary>Checks that what lies on disk is what was registered, also where that is loaded already.</summary>
    /// <exception cref="ModelException">It is not there, or is another.</exception>
    public async Task VerifyAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        if (reference.Checksum.Length == 0) return;
        OnnxFile file = await FindAsync(reference, ModelConfig.Parse(reference), cancellationToken);
        CheckContent(file, await _content.ChecksumOfAsync(file.Model, file.Name, cancellationToken));
    }

    public void Dispose() => _cache.Dispose();

    private async Task<OnnxModel> LoadAsync(OnnxFile file, CancellationToken cancellationToken)
    {
        // Resolved again at each load, and again after it: a link may have come in the way since.
        string path = Folder.Require(file.Model, file.Name);
        string state = _content.StateOf(file.Model, file.Name);
        string found = await _content.ChecksumOfAsync(file.Model, file.Name, cancellationToken);
        OnnxModel model = OnnxModel.Load(path, found, file.Threads, options);
        try
        {
            CheckContent(file, found);
            if (Folder.Find(file.Model, file.Name) == path && _content.StateOf(file.Model, file.Name) == state)
                return model;
            throw new ModelException(
                ModelErrorKind.Busy, $"model: '{file.Model}/{file.Name}' was replaced while it was loaded.")
            { RetryAfter = TimeSpan.FromSeconds(1), IsOvertaken = true };
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static string NameOf(ModelConfig config) => config.Text("file", DefaultFile);

    private static void CheckContent(OnnxFile file, string found)
    {
        if (file.Checksum == found) return;
        throw new ModelException(ModelErrorKind.LoadFailed,
            $"model: '{file.Model}/{file.Name}' is not the file that was registered: its SHA-256 (with that of its "
            + $"weights, where it has such files) is {found}, {file.Checksum} is kept. Put that one back, or register "
            + "this one as a new version.");
    }
}
