using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// The ONNX files that are loaded. Embedding and inference share one session of one file; a file that was replaced
/// on disk is another model.
/// </summary>
internal sealed class OnnxModels(ModelOptions options) : IDisposable
{
    private const string DefaultFile = "model.onnx";

    // Idle embedding and inference models hold their file; with room for both kinds, neither keeps the other out.
    private readonly ModelCache<Key, OnnxModel> _cache = new(options.MaxLoadedModels * 2);

    /// <summary>Files that are loaded.</summary>
    public int LoadedCount => _cache.Count;

    /// <summary>The folder that all files are read from.</summary>
    public ModelFolder Folder { get; } = new(options.ModelsFolder);

    /// <summary>Borrows the model that a configuration names: file (default model.onnx) and threads.</summary>
    /// <exception cref="ModelException">It is not there, leads out of the folder, or can not be loaded.</exception>
    public ValueTask<ModelLease<OnnxModel>> AcquireAsync(ModelConfig config, CancellationToken cancellationToken)
    {
        int threads = config.Number("threads", 0, 256) ?? options.Threads;
        string path = Folder.Require(config.ModelName, config.Text("file", DefaultFile));
        var file = new FileInfo(path);
        var key = new Key(path, threads, file.Length, file.LastWriteTimeUtc.Ticks);
        return _cache.AcquireAsync(
            key, _ => Task.FromResult(OnnxModel.Load(path, threads, options)), cancellationToken);
    }

    public void Dispose() => _cache.Dispose();

    private readonly record struct Key(string Path, int Threads, long Bytes, long WrittenTicks);
}
