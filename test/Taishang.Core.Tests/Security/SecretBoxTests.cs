using System.Security.Cryptography;
using Taishang.Core.Security;
using Taishang.Testing.Processes;

namespace Taishang.Core.Tests.Security;

public sealed class SecretBoxTests
{
    [Fact]
    public void A_secret_comes_back_only_for_its_purpose_and_only_whole()
    {
        using var box = new SecretBox(RandomNumberGenerator.GetBytes(SecretBox.KeyBytes));
        foreach (var secret in (string[])["", "sk-1", "密钥", new string('a', 10_000)])
        {
            var sealedSecret = box.Seal(secret, "row-1");
            Assert.Equal(secret, box.Unseal(sealedSecret, "row-1"));
            Assert.NotEqual(sealedSecret, box.Seal(secret, "row-1"));
            Assert.ThrowsAny<CryptographicException>(() => box.Unseal(sealedSecret, "row-2"));
            Assert.ThrowsAny<CryptographicException>(() => box.Unseal(sealedSecret[..^4] + "AAAA", "row-1"));
        }

        foreach (var broken in (string[])["", "sk-1", "enc:v1:", "enc:v1:!!", "enc:v1:AAAA"])
            Assert.ThrowsAny<CryptographicException>(() => box.Unseal(broken, "row-1"));
    }

    [Fact]
    public void The_key_file_is_made_once_for_its_owner_alone_and_read_afterwards()
    {
        using var folder = new TestFolder();
        var file = folder.File("keys/config.key");
        using var first = SecretBox.Open(null, file);
        using var second = SecretBox.Open(null, file);
        Assert.Equal("x", second.Unseal(first.Seal("x", "p"), "p"));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(file)!));
    }

    [Fact]
    public void A_broken_key_is_refused_and_never_replaced()
    {
        using var folder = new TestFolder();
        var file = folder.File("config.key");
        File.WriteAllBytes(file, [1, 2, 3]);
        Assert.Throws<InvalidDataException>(() => SecretBox.Open(null, file));
        Assert.Equal(3, new FileInfo(file).Length);
        Assert.Throws<InvalidDataException>(() => SecretBox.Open("c2hvcnQ=", file));
        Assert.Throws<InvalidDataException>(() => SecretBox.Open("not base64", file));
        using var configured = SecretBox.Open(Convert.ToBase64String(new byte[32]), file);
        Assert.Equal("x", configured.Unseal(configured.Seal("x", "p"), "p"));
    }
}
