using Microsoft.Extensions.Options;

namespace Taishang.Ai.Rpc;

/// <summary>Sizes of messages; the section `Taishang:Ai:Rpc`. Validated at start.</summary>
internal sealed class RpcOptions
{
    public const string Section = "Taishang:Ai:Rpc";

    private const int Lowest = 4 << 20;
    private const int Highest = 1 << 30;

    /// <summary>Bytes of a message that is still received, 4 MiB–1 GiB. Default 192 MiB: a REST body of 64 MiB holds
    /// at most 48 MiB of floats in base64, but as many as 128 MiB when they are written as "1,".</summary>
    public int ReceiveBytesMax { get; set; } = 192 << 20;

    /// <summary>Bytes of an answer, 4 MiB–1 GiB. Default 192 MiB; what a search or get would pass is refused before
    /// it runs where that can be told.</summary>
    public int SendBytesMax { get; set; } = 192 << 20;

    /// <exception cref="OptionsValidationException">The message names the setting, its range and what came.</exception>
    public void Validate()
    {
        InRange(ReceiveBytesMax, nameof(ReceiveBytesMax));
        InRange(SendBytesMax, nameof(SendBytesMax));
    }

    private static void InRange(int value, string name)
    {
        if (value is < Lowest or > Highest)
            throw new OptionsValidationException(
                Section, typeof(RpcOptions), [$"{Section}:{name}: expected {Lowest} to {Highest}, got {value}"]);
    }
}
