using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// One loaded ONNX file: its session, what it takes and gives, and the queue before it. Runs of several callers go in
/// side by side up to a limit, wait up to another, and are refused beyond. Disposed while a run is on that nobody waits
/// for any more, it lives until that has ended.
/// </summary>
internal sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly SemaphoreSlim _running;
    private readonly int _maxWaiting;
    private readonly Lock _gate = new();
    private int _present;
    private bool _disposed;

    private OnnxModel(InferenceSession session, string checksum, int runs, ModelOptions options)
    {
        _session = session;
        Checksum = checksum;
        RunsAtOnce = runs;
        _running = new SemaphoreSlim(runs);
        _maxWaiting = options.MaxQueuedCalls + runs;
        Inputs = [.. session.InputMetadata.Select(input => OnnxTensors.Describe(input.Key, input.Value))];
        Outputs = [.. session.OutputMetadata.Select(output => OnnxTensors.Describe(output.Key, output.Value))];
    }

    /// <summary>"sha256:" and the checksum of its files.</summary>
    public string Checksum { get; }

    /// <summary>Runs that go side by side; the others wait.</summary>
    public int RunsAtOnce { get; }

    /// <summary>What the model must be given.</summary>
    public IReadOnlyList<TensorDescription> Inputs { get; }

    /// <summary>What the model gives.</summary>
    public IReadOnlyList<TensorDescription> Outputs { get; }

    /// <summary>Loads the file at <paramref name="path"/>, which was checked to lie in the models folder.</summary>
    /// <exception cref="ModelException">Of kind LoadFailed: too large, damaged, or not a model for this
    /// runtime.</exception>
    /// <param name="path">Of the file.</param>
    /// <param name="checksum">Of all its files, in hexadecimal.</param>
    /// <param name="threads">Of one run; 0 for one each processor.</param>
    /// <param name="options">Limits.</param>
    public static OnnxModel Load(string path, string checksum, int threads, ModelOptions options)
    {
        long bytes = new FileInfo(path).Length;
        if (bytes > options.MaxModelBytes)
        {
            throw new ModelException(ModelErrorKind.LoadFailed,
                $"model: its file has {bytes} bytes; at most {options.MaxModelBytes} are loaded.");
        }
        InferenceSession? session = null;
        try
        {
            using var settings = new SessionOptions
            {
                IntraOpNumThreads = threads,
                InterOpNumThreads = 1,
                ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
                // What fails is thrown; the runtime need not print it as well.
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL,
            };
            // Threads that spin between two calls would take the processors from the rest of the worker.
            settings.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            session = new InferenceSession(path, settings);
            return new OnnxModel(session, "sha256:" + checksum, options.ConcurrentCallsOf(threads), options);
        }
        catch (ModelException)
        {
            session?.Dispose();
            throw;
        }
        catch (Exception failure) when (failure is OnnxRuntimeException or IOException or UnauthorizedAccessException)
        {
            session?.Dispose();
            // The runtime's message may name the machine's paths; the caller learns the rest of it.
            string reason = failure.Message.Replace(path, Path.GetFileName(path), StringComparison.Ordinal);
            throw new ModelException(ModelErrorKind.LoadFailed, $"model: it could not be loaded: {reason}", failure);
        }
    }

    /// <summary>
    /// Runs the model and gives what <paramref name="read"/> makes of its outputs, which live only inside that call.
    /// Takes ownership of <paramref name="inputs"/>.
    /// </summary>
    /// <exception cref="ModelException">Of kind Busy when the queue is full, RunFailed when the model
    /// fails.</exception>
    public async Task<T> RunAsync<T>(
        IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyCollection<string> outputs,
        Func<IReadOnlyList<OrtValue>, T> read, CancellationToken cancellationToken)
    {
        try
        {
            Enter();
        }
        catch
        {
            Free(inputs);
            throw;
        }
        try
        {
            await _running.WaitAsync(cancellationToken);
            try
            {
                return await Task.Run(() => Run(inputs, outputs, read, cancellationToken), cancellationToken);
            }
            finally
            {
                _running.Release();
            }
        }
        finally
        {
            Free(inputs);
            Leave();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            if (_present > 0) return;
        }
        Unload();
    }

    private static void Free(IReadOnlyDictionary<string, OrtValue> inputs)
    {
        foreach (OrtValue input in inputs.Values) input.Dispose();
    }

    private void Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_present >= _maxWaiting)
            {
                throw new ModelException(ModelErrorKind.Busy, $"{_maxWaiting} calls wait for this model already.")
                { RetryAfter = TimeSpan.FromSeconds(1) };
            }
            _present++;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            if (--_present > 0 || !_disposed) return;
        }
        Unload();
    }

    private void Unload()
    {
        _session.Dispose();
        _running.Dispose();
    }

    private T Run<T>(
        IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyCollection<string> outputs,
        Func<IReadOnlyList<OrtValue>, T> read, CancellationToken cancellationToken)
    {
        using var settings = new RunOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        using CancellationTokenRegistration stop = cancellationToken.Register(() => settings.Terminate = true);
        try
        {
            using IDisposableReadOnlyCollection<OrtValue> results = _session.Run(settings, inputs, outputs);
            return read(results);
        }
        catch (OnnxRuntimeException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new ModelException(ModelErrorKind.RunFailed, $"The model failed: {failure.Message}", failure);
        }
    }
}
