using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Taishang.Core.Api.Limits;

/// <summary>Whose bucket it is.</summary>
/// <param name="Group">Of routes; <see cref="NewCallers"/> where new callers of an address are counted.</param>
/// <param name="Tenant">As the caller says.</param>
/// <param name="KeyId">Of its token.</param>
/// <param name="Address">Of those without a token, as <see cref="AddressOf"/> gives it; 0 for others.</param>
internal readonly record struct CallerKey(int Group, string Tenant, string KeyId, ulong Address)
{
    public const int NewCallers = -1;

    private const ulong MarkOfIPv4 = 0xffff_0000_0000;
    private const ulong Unknown = ulong.MaxValue;

    /// <summary>IPv6 by its first 64 bits, since whoever has one address of a network has all of them.</summary>
    public static ulong AddressOf(IPAddress? address)
    {
        if (address is null) return Unknown;
        Span<byte> bytes = stackalloc byte[16];
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (!address.TryWriteBytes(bytes, out _)) return Unknown;
        return address.AddressFamily == AddressFamily.InterNetwork
            ? MarkOfIPv4 | BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : BinaryPrimitives.ReadUInt64BigEndian(bytes);
    }

    public static CallerKey Of(int group, CallerIdentity caller, ulong address) => new(
        group, caller.Tenant, caller.KeyId, caller.KeyId == CallerIdentity.AnonymousKey ? address : 0);

    public static CallerKey OfAddress(int group, ulong address) =>
        new(group, CallerIdentity.DefaultTenant, CallerIdentity.AnonymousKey, address);
}
