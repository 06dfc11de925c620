using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// What makes up one ONNX model on disk: its file, and the files of weights that it refers to. Its checksum is the
/// SHA-256 of the file, or, where there are others, the SHA-256 of the lines that name all their SHA-256:
/// <c>digest</c> of the file, then <c>digest  name</c> of each other by its name, as sha256sum writes them.
/// </summary>
internal sealed class OnnxContent(ModelFolder folder)
{
    private const int KnownMax = 1_024;

    // By path, size and time, so that a file is looked through once and not for each call.
    private readonly ConcurrentDictionary<(string Path, string State), IReadOnlyList<WeightsFile>> _weights = [];

    private readonly ConcurrentDictionary<(string Path, string State), string> _checksums = [];

    /// <summary>Sizes and times of all its files.</summary>
    /// <exception cref="ModelException">One is not there, or leads out of the folder.</exception>
    public string StateOf(string model, string name)
    {
        string path = folder.Require(model, name);
        string state = StateOf(path);
        IReadOnlyList<WeightsFile> weights = WeightsOf(model, name, path, state);
        if (weights.Count == 0) return state;
        return string.Join('|', weights.Select(file => StateOf(file.Path)).Prepend(state));
    }

    /// <summary>Bytes of all its files.</summary>
    /// <exception cref="ModelException">As above.</exception>
    public long BytesOf(string model, string name)
    {
        string path = folder.Require(model, name);
        return LengthOf(path) + WeightsOf(model, name, path, StateOf(path)).Sum(file => LengthOf(file.Path));
    }

    /// <summary>The checksum of what lies there now, in hexadecimal; remembered while nothing changes.</summary>
    /// <exception cref="ModelException">As above, or one can not be read.</exception>
    public async ValueTask<string> KnownChecksumOfAsync(
        string model, string name, CancellationToken cancellationToken)
    {
        var key = (folder.Require(model, name), StateOf(model, name));
        if (_checksums.TryGetValue(key, out string? known)) return known;
        string found = await ChecksumOfAsync(model, name, cancellationToken);
        if (_checksums.Count >= KnownMax) _checksums.Clear();
        return _checksums[key] = found;
    }

    /// <summary>The same, read from the disk whatever is remembered.</summary>
    /// <exception cref="ModelException">As above.</exception>
    public async Task<string> ChecksumOfAsync(string model, string name, CancellationToken cancellationToken)
    {
        string path = folder.Require(model, name);
        string digest = await DigestOfAsync(path, name, cancellationToken);
        IReadOnlyList<WeightsFile> weights = WeightsOf(model, name, path, StateOf(path));
        if (weights.Count == 0) return digest;
        var lines = new StringBuilder(digest).Append('\n');
        foreach (WeightsFile file in weights)
        {
            lines.Append(await DigestOfAsync(file.Path, file.Location, cancellationToken))
                .Append("  ").Append(file.Location).Append('\n');
        }
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())));
    }

    // The places are resolved anew each time: a link may have come in the way since.
    private IReadOnlyList<WeightsFile> WeightsOf(string model, string name, string path, string state)
    {
        if (!_weights.TryGetValue((path, state), out IReadOnlyList<WeightsFile>? known))
        {
            known = [.. LocationsOf(path, name).Select(location => new WeightsFile(location, ""))];
            if (_weights.Count >= KnownMax) _weights.Clear();
            _weights[(path, state)] = known;
        }
        if (known.Count == 0) return known;
        string beside = name.LastIndexOf('/') is var slash and >= 0 ? name[..(slash + 1)] : "";
        return [.. known.Select(file => file with { Path = folder.Require(model, beside + Plain(file.Location)) })];
    }

    private static IReadOnlyCollection<string> LocationsOf(string path, string name)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return OnnxReferences.Of(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(name, failure);
        }
    }

    private static async Task<string> DigestOfAsync(string path, string name, CancellationToken cancellationToken)
    {
        try
        {
            await using FileStream file = File.OpenRead(path);
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(name, failure);
        }
    }

    private static ModelException Unreadable(string name, Exception failure) =>
        new(ModelErrorKind.LoadFailed, $"model: '{name}' can not be read.", failure);

    private static string Plain(string location)
    {
        while (location.StartsWith("./", StringComparison.Ordinal)) location = location[2..];
        return location;
    }

    // One that was taken away meanwhile is told by its load.
    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static string StateOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? $"{file.Length}:{file.LastWriteTimeUtc.Ticks}" : "";
    }

    /// <param name="Location">As the model's file names it.</param>
    /// <param name="Path">Where it lies.</param>
    private sealed record WeightsFile(string Location, string Path);
}
