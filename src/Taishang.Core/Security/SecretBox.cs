using System.Security.Cryptography;
using System.Text;

namespace Taishang.Core.Security;

/// <summary>
/// Encrypts small secrets for the database with AES-256-GCM under one key, which is not in the database: a file in the
/// data folder that is made at first need, or the configuration where several cores share a database. The purpose is
/// bound into each box, so that one row's secret can not be moved to another.
/// </summary>
public sealed class SecretBox : IDisposable
{
    public const int KeyBytes = 32;

    private const string Prefix = "enc:v1:";
    private const int NonceBytes = 12;
    private const int TagBytes = 16;

    private readonly AesGcm _cipher;

    /// <param name="key">32 bytes.</param>
    public SecretBox(ReadOnlySpan<byte> key) => _cipher = new AesGcm(key, TagBytes);

    /// <summary>With the configured key (base64 of 32 bytes), else the file's, which is made when absent.</summary>
    /// <exception cref="InvalidDataException">The key or the file is not one.</exception>
    public static SecretBox Open(string? configuredKey, string keyFile)
    {
        if (string.IsNullOrEmpty(configuredKey)) return new SecretBox(ReadOrMake(keyFile));
        var key = new byte[KeyBytes];
        if (!Convert.TryFromBase64String(configuredKey, key, out var length) || length != KeyBytes)
            throw new InvalidDataException($"Models:ConfigKey: expected base64 of {KeyBytes} bytes");
        return new SecretBox(key);
    }

    public string Seal(string secret, string purpose)
    {
        var plain = Encoding.UTF8.GetBytes(secret);
        var box = new byte[NonceBytes + plain.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        _cipher.Encrypt(
            box.AsSpan(0, NonceBytes), plain, box.AsSpan(NonceBytes, plain.Length), box.AsSpan(box.Length - TagBytes),
            Encoding.UTF8.GetBytes(purpose));
        return Prefix + Convert.ToBase64String(box);
    }

    /// <exception cref="CryptographicException">Not sealed with this key for this purpose.</exception>
    public string Unseal(string sealedSecret, string purpose)
    {
        if (!sealedSecret.StartsWith(Prefix, StringComparison.Ordinal)) throw new CryptographicException("not a box");
        byte[] box;
        try
        {
            box = Convert.FromBase64String(sealedSecret[Prefix.Length..]);
        }
        catch (FormatException e)
        {
            throw new CryptographicException("not a box", e);
        }

        if (box.Length < NonceBytes + TagBytes) throw new CryptographicException("not a box");
        var plain = new byte[box.Length - NonceBytes - TagBytes];
        _cipher.Decrypt(
            box.AsSpan(0, NonceBytes), box.AsSpan(NonceBytes, plain.Length), box.AsSpan(box.Length - TagBytes), plain,
            Encoding.UTF8.GetBytes(purpose));
        return Encoding.UTF8.GetString(plain);
    }

    public void Dispose() => _cipher.Dispose();

    private static byte[] ReadOrMake(string file)
    {
        if (!File.Exists(file)) Make(file);
        var key = File.ReadAllBytes(file);
        return key.Length == KeyBytes
            ? key
            : throw new InvalidDataException($"{file}: expected {KeyBytes} bytes, came {key.Length}");
    }

    private static void Make(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
        var aside = $"{file}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        // Only the server's own user may read what opens every secret.
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using (var stream = new FileStream(aside, options))
        {
            stream.Write(RandomNumberGenerator.GetBytes(KeyBytes));
            stream.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(aside, file, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Another process was first: its key counts.
            File.Delete(aside);
        }
    }
}
