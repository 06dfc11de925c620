using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Caches;

/// <summary>
/// What an entry is found by: the SHA-256 of all that an answer depends on, and of who asks. A tenant cannot make up a
/// question whose key is another tenant's.
/// </summary>
internal readonly record struct CacheKey(ulong First, ulong Second, ulong Third, ulong Fourth)
{
    private const int HashBytes = 32;
    private const int StackBytesMax = 1_024;
    private const int LengthBytes = sizeof(int);

    /// <param name="kind">What is asked for; two kinds share no keys.</param>
    /// <param name="tenant">Of the caller.</param>
    /// <param name="model">Version and all, whose config is immutable.</param>
    /// <param name="parameters">Whatever else changes the answer.</param>
    /// <param name="content">The question itself.</param>
    public static CacheKey Of(
        byte kind, string tenant, UsableModel model, string parameters, ReadOnlySpan<byte> content)
    {
        var head = Encoding.UTF8.GetMaxByteCount(
            tenant.Length + model.Version.Id.Length + parameters.Length) + (3 * LengthBytes) + 1;
        var length = head + content.Length;
        var rented = length > StackBytesMax ? ArrayPool<byte>.Shared.Rent(length) : null;
        var buffer = rented ?? stackalloc byte[StackBytesMax];
        buffer[0] = kind;
        var at = 1;
        // With its length before each part, no two lists of parts read the same.
        at += Put(buffer[at..], tenant);
        at += Put(buffer[at..], model.Version.Id);
        at += Put(buffer[at..], parameters);
        content.CopyTo(buffer[at..]);
        Span<byte> hash = stackalloc byte[HashBytes];
        SHA256.HashData(buffer[..(at + content.Length)], hash);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return MemoryMarshal.Read<CacheKey>(hash);
    }

    public static CacheKey Of(byte kind, string tenant, UsableModel model, string parameters, string content)
    {
        var length = Encoding.UTF8.GetMaxByteCount(content.Length);
        var rented = length > StackBytesMax ? ArrayPool<byte>.Shared.Rent(length) : null;
        var buffer = rented ?? stackalloc byte[StackBytesMax];
        // Halves of characters would all become the same mark; the door has refused them.
        var key = Of(kind, tenant, model, parameters, buffer[..Encoding.UTF8.GetBytes(content, buffer)]);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        return key;
    }

    /// <summary>Any part of a good hash is as good as another.</summary>
    public override int GetHashCode() => (int)First;

    private static int Put(Span<byte> buffer, string text)
    {
        var count = Encoding.UTF8.GetBytes(text, buffer[LengthBytes..]);
        BinaryPrimitives.WriteInt32LittleEndian(buffer, count);
        return LengthBytes + count;
    }
}
