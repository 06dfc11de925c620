using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Testing.Models;

namespace Taishang.Ai.Tests.Inference;

/// <summary>Models whose weights lie in files of their own.</summary>
public sealed class OnnxContentTests
{
    private const long Rows = 11;

    private static byte[] Weights(int factor) =>
        MemoryMarshal.AsBytes<float>(ModelsWorld.Table.Select(value => value * factor).ToArray()).ToArray();

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static TinyOnnx Model(string location) => new TinyOnnx()
        .ExternalFloats("table", [Rows, ModelsWorld.Dimensions], location)
        .Input("ids", TinyOnnx.Int64, -1).Node("Gather", ["table", "ids"], "rows", "axis", 0)
        .Output("rows", TinyOnnx.Float, -1, ModelsWorld.Dimensions);

    private static string FolderOf(ModelsWorld world) => Path.Combine(world.Folder, "big");

    private static void Put(ModelsWorld world, string file, byte[] content, int second)
    {
        string path = Path.Combine(FolderOf(world), file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // As a careful deployment does it: written aside and moved in its place.
        File.WriteAllBytes(path + ".new", content);
        File.SetLastWriteTimeUtc(path + ".new", DateTime.UnixEpoch.AddSeconds(second));
        File.Move(path + ".new", path, overwrite: true);
    }

    private static async Task<float> FirstAsync(ModelsWorld world, string checksum = "")
    {
        ModelReference reference = ModelsWorld.Reference("big") with { Checksum = checksum };
        using ModelLease<InferenceModel> lease = await world.Inference.AcquireAsync(reference, default);
        byte[] ids = MemoryMarshal.AsBytes<long>([1L]).ToArray();
        IReadOnlyList<InferenceTensor> outputs = await lease.Value.RunAsync(
            [new InferenceTensor("ids", TensorType.Int64, [1], ids)], [], default);
        return MemoryMarshal.Cast<byte, float>(outputs[0].Data.Span)[0];
    }

    [Fact]
    public async Task The_checksum_covers_weights_beside_the_file_and_can_be_told_by_hand()
    {
        using var world = new ModelsWorld();
        byte[] model = Model("weights/a.bin").ToBytes();
        Put(world, "model.onnx", model, 1);
        Put(world, "weights/a.bin", Weights(1), 1);
        string byHand = Hex(Encoding.UTF8.GetBytes($"{Hex(model)}\n{Hex(Weights(1))}  weights/a.bin\n"));
        using ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("big"));
        Assert.Equal("sha256:" + byHand, lease.Value.Checksum);
        Assert.Equal(model.Length + Weights(1).Length, world.Files.LoadedBytes);
    }

    [Fact]
    public async Task Weights_that_were_changed_under_a_registered_checksum_are_not_loaded()
    {
        using var world = new ModelsWorld();
        Put(world, "model.onnx", Model("a.bin").ToBytes(), 1);
        Put(world, "a.bin", Weights(1), 1);
        string checksum;
        using (ModelLease<OnnxModel> lease = await world.AcquireFileAsync(ModelsWorld.Reference("big")))
            checksum = lease.Value.Checksum["sha256:".Length..];
        Assert.Equal(1, await FirstAsync(world, checksum));
        // Loaded already, it is served as it was; a test reads the disk, and a load refuses.
        Put(world, "a.bin", Weights(2), 1);
        Assert.Equal(1, await FirstAsync(world, checksum));
        ModelReference registered = ModelsWorld.Reference("big") with { Checksum = checksum };
        ModelException changed = await Assert.ThrowsAsync<ModelException>(
            () => world.Files.VerifyAsync(registered, default));
        Assert.Contains("is not the file that was registered", changed.Message, StringComparison.Ordinal);
        using var other = new ModelsWorld(options => options.ModelsFolder = world.Folder);
        ModelException refusal = await Assert.ThrowsAsync<ModelException>(
            async () => await other.AcquireFileAsync(registered));
        Assert.Equal(ModelErrorKind.LoadFailed, refusal.Kind);
    }

    [Fact]
    public async Task Without_a_registered_checksum_replaced_weights_are_another_model()
    {
        using var world = new ModelsWorld();
        Put(world, "model.onnx", Model("./a.bin").ToBytes(), 1);
        for (int version = 1; version <= 3; version++)
        {
            Put(world, "a.bin", Weights(version), version);
            Assert.Equal(version, await FirstAsync(world));
        }
    }

    [Fact]
    public async Task Weights_that_are_missing_are_named()
    {
        using var world = new ModelsWorld();
        Put(world, "model.onnx", Model("a.bin").ToBytes(), 1);
        ModelException missing = await Assert.ThrowsAsync<ModelException>(
            () => world.AcquireFileAsync(ModelsWorld.Reference("big")));
        Assert.Equal(ModelErrorKind.FileMissing, missing.Kind);
        Assert.Contains("big/a.bin", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void References_are_found_in_tensors_of_graphs_and_of_nodes_each_once_in_order()
    {
        byte[] bytes = new TinyOnnx()
            .ExternalFloats("b", [1], "b.bin").ExternalFloats("b2", [1], "b.bin").ExternalConstant("c", [1], "a.bin")
            .Table("table", 100, 100, new float[10_000]).ExternalFloats("z", [1], "z.bin").ToBytes();
        Assert.Equal(["a.bin", "b.bin", "z.bin"], OnnxReferences.Of(new MemoryStream(bytes)));
    }

    [Fact]
    public void What_is_cut_or_no_ONNX_file_has_no_references_and_ends()
    {
        byte[] bytes = new TinyOnnx().ExternalFloats("b", [1], "b.bin").Table("t", 4, 4, new float[16]).ToBytes();
        for (int length = 0; length < bytes.Length; length++)
            OnnxReferences.Of(new MemoryStream(bytes, 0, length));
        var random = new Random(5);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] spoilt = [.. bytes];
            for (int spoils = 0; spoils < 3; spoils++) spoilt[random.Next(spoilt.Length)] = (byte)random.Next(256);
            OnnxReferences.Of(new MemoryStream(spoilt));
        }
    }

    [Fact]
    public void Weights_within_the_file_are_stepped_over_and_not_read()
    {
        byte[] bytes = new TinyOnnx().Table("t", 1_000, 2_000, new float[2_000_000])
            .ExternalFloats("b", [1], "b.bin").ToBytes();
        using var file = new CountingStream(bytes);
        Assert.Equal(["b.bin"], OnnxReferences.Of(file));
        Assert.InRange(file.BytesRead, 1, 256 << 10);
    }

    private sealed class CountingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public long BytesRead { get; private set; }

        public override int Read(Span<byte> buffer)
        {
            int read = base.Read(buffer);
            BytesRead += read;
            return read;
        }
    }
}
